import{z as t}from"./chunk.R2JZBITG.js";import{d as r}from"./chunk.7Q62STQZ.js";function e(o){return r(t,{title:"jobs"})}export{e as default};
