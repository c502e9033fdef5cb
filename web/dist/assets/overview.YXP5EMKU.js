import{z as e}from"./chunk.R2JZBITG.js";import{d as r}from"./chunk.7Q62STQZ.js";function t(o){return r(e,{title:"overview"})}export{t as default};
