import{z as r}from"./chunk.R2JZBITG.js";import{d as t}from"./chunk.7Q62STQZ.js";function e(n){return t(r,{title:"status"})}export{e as default};
