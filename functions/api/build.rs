//! Makes a table of the built files of the pages, which `node web/build.mjs` leaves in `web/dist`, so that
//! the binary holds them. Node is not needed here.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// The page that the dashboard, the portal and the console share.
const PAGE: &str = "index.html";

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let dist = manifest.join("../../web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    let table = table(&dist).map_err(|error| {
        format!("{}: {error}; `node web/build.mjs` builds the pages", dist.display())
    })?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("files.rs"), table)?;
    Ok(())
}

/// The table as Rust: `PAGE`, and `ASSETS` in the order of their paths.
fn table(dist: &Path) -> Result<String, Box<dyn Error>> {
    let dist = dist.canonicalize()?;
    let mut rust = String::new();
    let path = dist.join(PAGE);
    let packed = |end: &str| -> Result<String, Box<dyn Error>> {
        let packed = dist.join(format!("{PAGE}.{end}"));
        Ok(if packed.is_file() { format!("Some({})", bytes(&packed)) } else { "None".to_owned() })
    };
    if !path.is_file() {
        return Err(format!("{PAGE} is missing").into());
    }
    writeln!(
        rust,
        "pub(super) const PAGE: Page = Page {{ text: include_str!({path:?}), br: {}, gz: {} }};",
        packed("br")?,
        packed("gz")?
    )?;
    let mut names = Vec::new();
    for entry in fs::read_dir(dist.join("assets"))? {
        let name =
            entry?.file_name().into_string().map_err(|name| format!("{name:?} is no text"))?;
        if !name.ends_with(".br") && !name.ends_with(".gz") {
            names.push(name);
        }
    }
    names.sort_unstable();
    rust.push_str("pub(super) const ASSETS: &[Asset] = &[\n");
    for name in names {
        let packed = |end: &str| -> Result<String, Box<dyn Error>> {
            let packed = dist.join("assets").join(format!("{name}.{end}"));
            match packed.is_file() {
                true => Ok(bytes(&packed)),
                false => Err(format!("assets/{name}.{end} is missing").into()),
            }
        };
        writeln!(
            rust,
            "    Asset {{ path: {:?}, media: {:?}, br: {}, gz: {} }},",
            format!("/assets/{name}"),
            media(&name)?,
            packed("br")?,
            packed("gz")?
        )?;
    }
    rust.push_str("];\n");
    Ok(rust)
}

fn bytes(path: &Path) -> String {
    format!("include_bytes!({path:?})")
}

/// The media type of an asset, by the end of its name.
fn media(name: &str) -> Result<&'static str, String> {
    match name.rsplit('.').next() {
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        Some("json" | "map") => Ok("application/json"),
        _ => Err(format!("assets/{name} has no known media type")),
    }
}
