import{z as e}from"./chunk.R2JZBITG.js";import{d as t}from"./chunk.7Q62STQZ.js";function r(n){return t(e,{title:"event-types"})}export{r as default};
