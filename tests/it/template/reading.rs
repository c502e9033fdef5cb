//! Reads the template as JSON, its short forms (`!Ref X`) written out (`{"Ref": "X"}`), and the
//! workspace's folders.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// `template.yaml`.
pub(crate) fn template() -> Value {
    parse(&text("template.yaml")).expect("template.yaml is YAML that CloudFormation understands")
}

/// A file of the workspace.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

/// The names of the folders in a folder of the workspace.
pub(crate) fn folders(path: &str) -> BTreeSet<String> {
    std::fs::read_dir(root().join(path))
        .expect(path)
        .map(|entry| entry.expect(path))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A YAML document as JSON.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    let [document] = &documents[..] else {
        return Err(format!("{} documents instead of one", documents.len()));
    };
    json_of(document)
}

fn json_of(yaml: &Yaml<'_>) -> Result<Value, String> {
    match yaml {
        Yaml::Value(Scalar::Null) => Ok(Value::Null),
        Yaml::Value(Scalar::Boolean(value)) => Ok(json!(value)),
        Yaml::Value(Scalar::Integer(value)) => Ok(json!(value)),
        Yaml::Value(Scalar::FloatingPoint(value)) => Ok(json!(value.into_inner())),
        Yaml::Value(Scalar::String(value)) => Ok(json!(value)),
        Yaml::Sequence(items) => items.iter().map(json_of).collect(),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Value::String(key) = json_of(key)? else {
                    return Err(format!("a key that is no string: {key:?}"));
                };
                object.insert(key, json_of(value)?);
            }
            Ok(Value::Object(object))
        }
        Yaml::Tagged(tag, inner) => Ok(written_out(&tag.suffix, json_of(inner)?)),
        other => Err(format!("nothing CloudFormation knows: {other:?}")),
    }
}

fn written_out(short_form: &str, argument: Value) -> Value {
    match (short_form, &argument) {
        ("Ref" | "Condition", _) => json!({ short_form: argument }),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((path, ""));
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        _ => json!({ format!("Fn::{short_form}"): argument }),
    }
}
