import{z as r}from"./chunk.R2JZBITG.js";import{d as t}from"./chunk.7Q62STQZ.js";function e(n){return t(r,{title:"letter"})}export{e as default};
