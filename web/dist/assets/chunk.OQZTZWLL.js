import{a}from"./chunk.SAZLJ3FG.js";import{c as o}from"./chunk.2MXTXHRM.js";async function m(c,g,p,f){let s=[],r=0,u=Object.entries(g).filter(e=>!!e[1]),t=`${c}?${new URLSearchParams(u)}`;for(;t;){let e=await o("GET",t),n=await e.text();if(n&&s.push(n.endsWith(`
`)?n:`${n}
`),r+=n.split(`
`).filter(Boolean).length,!f(r))return;let l=/<([^>]+)>;\s*rel="?next"?/.exec(e.headers.get("link")??"")?.[1],i=l?new URL(l,location.href):null;t=i?i.pathname+i.search:null}a(p,s,"application/jsonl")}export{m as a};
