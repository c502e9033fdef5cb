import{z as t}from"./chunk.R2JZBITG.js";import{d as r}from"./chunk.7Q62STQZ.js";function e(n){return r(t,{title:"keys"})}export{e as default};
