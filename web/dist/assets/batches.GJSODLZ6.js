import{z as r}from"./chunk.R2JZBITG.js";import{d as t}from"./chunk.7Q62STQZ.js";function e(n){return t(r,{title:"batches"})}export{e as default};
