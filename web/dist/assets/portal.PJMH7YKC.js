import{c as o,d as t}from"./chunk.7Q62STQZ.js";var e=document.getElementById("root");e&&o(t("p",{children:"Not built yet."}),e);
