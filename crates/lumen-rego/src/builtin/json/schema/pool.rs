//! Where references lead: the documents, by their addresses (`schemaPool.go`).

use std::collections::HashMap;

use lumen_value::read::Limits;
use lumen_value::{Object, Str, Value, json};

use super::super::super::url::Url;
use crate::depth;

/// A draft of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    Four,
    Six,
    Seven,
    /// None is named: what any of them knows.
    Hybrid,
}

/// Addresses of the drafts' own schemas.
const DRAFTS: [(&str, Draft, &str); 3] = [
    ("http://json-schema.org/draft-04/schema", Draft::Four, include_str!("draft-04.json")),
    ("http://json-schema.org/draft-06/schema", Draft::Six, include_str!("draft-06.json")),
    ("http://json-schema.org/draft-07/schema", Draft::Seven, include_str!("draft-07.json")),
];

#[derive(Clone)]
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) draft: Option<Draft>,
}

#[derive(Default)]
pub(super) struct Pool(HashMap<Vec<u8>, Document>);

/// The draft that a document names.
pub(super) fn draft(document: &Value) -> Result<Option<Draft>, String> {
    let object = match document {
        Value::Bool(_) => return Ok(None),
        Value::Object(object) => object,
        _ => return Err("schema is invalid".to_owned()),
    };
    match object.get("$schema") {
        None => Ok(None),
        Some(Value::String(text)) => {
            let address = Url::parse(text.as_bytes())?.to_bytes();
            let named = DRAFTS.iter().find(|(known, ..)| known.as_bytes() == address);
            Ok(named.map(|(_, draft, _)| *draft))
        }
        Some(_) => Err("$schema must be of type string".to_owned()),
    }
}

impl Pool {
    /// Adds a document and the parts of it that have addresses of their own. Gives it with its references made absolute.
    pub(super) fn add(&mut self, document: &Value, base: &Url) -> Result<Value, String> {
        let address = base.to_bytes();
        self.check_new(&address)?;
        let draft = draft(document)?;
        let value = self.resolve(document, base, draft)?;
        self.0.insert(address, Document { value: value.clone(), draft });
        Ok(value)
    }

    fn check_new(&self, address: &[u8]) -> Result<(), String> {
        if !self.0.contains_key(address) {
            return Ok(());
        }
        Err(format!("Reference already exists: \"{}\"", String::from_utf8_lossy(address)))
    }

    fn resolve(&mut self, value: &Value, base: &Url, draft: Option<Draft>) -> Result<Value, String> {
        depth::grow(|| match value {
            Value::Array(items) => {
                let items: Result<Vec<Value>, String> =
                    items.iter().map(|item| self.resolve(item, base, draft)).collect();
                Ok(Value::from(items?))
            }
            Value::Object(object) => self.resolve_object(object, base, draft),
            scalar => Ok(scalar.clone()),
        })
    }

    fn resolve_object(&mut self, object: &Object, base: &Url, draft: Option<Draft>) -> Result<Value, String> {
        let id = if object.get("id").is_some() { "id" } else { "$id" };
        let parse = |value: Option<&Value>| match value {
            Some(Value::String(text)) => Url::parse(text.as_bytes()).ok(),
            _ => None,
        };
        let inherit = |base: &Url, reference: &Url| {
            let mut base = base.clone();
            base.fragment = Vec::new();
            Url::parse(&base.resolve(reference).to_bytes()).ok()
        };
        let own = parse(object.get(id)).and_then(|reference| inherit(base, &reference));
        let address = own.as_ref().map(Url::to_bytes);
        if let Some(address) = &address {
            self.check_new(address)?;
            // So that nothing inside takes the same address.
            self.0.insert(address.clone(), Document { value: Value::Null, draft });
        }
        let base = own.as_ref().unwrap_or(base);
        let mut entries: Vec<(Value, Value)> = Vec::with_capacity(object.len());
        for (key, value) in object.iter() {
            let name = key.as_str().unwrap_or_default();
            let new = match (name, value) {
                ("$ref", Value::String(_)) => {
                    let absolute = parse(Some(value)).and_then(|reference| inherit(base, &reference));
                    absolute
                        .map_or_else(|| value.clone(), |url| Value::String(Str::from_bytes(&url.to_bytes())))
                }
                // The names of these members are not keywords.
                ("properties" | "dependencies" | "patternProperties", Value::Object(members)) => {
                    let mut resolved = Vec::with_capacity(members.len());
                    for (key, member) in members.iter() {
                        resolved.push((key.clone(), self.resolve(member, base, draft)?));
                    }
                    Value::Object(resolved.into())
                }
                // What stands there is meant literally.
                ("const" | "enum" | "properties" | "dependencies" | "patternProperties", _) => value.clone(),
                _ => self.resolve(value, base, draft)?,
            };
            entries.push((key.clone(), new));
        }
        let value = Value::Object(entries.into());
        if let Some(address) = address {
            self.0.insert(address, Document { value: value.clone(), draft });
        }
        Ok(value)
    }

    /// The document at a reference.
    pub(super) fn get(&mut self, reference: &Url) -> Result<Document, String> {
        let address = reference.to_bytes();
        if let Some(found) = self.0.get(&address) {
            return Ok(found.clone());
        }
        let mut whole = Url::parse(&address)?;
        whole.fragment = Vec::new();
        let whole_address = whole.to_bytes();
        if let Some(found) = self.0.get(&whole_address) {
            let value = point(&found.value, &reference.fragment)?.clone();
            let document = Document { value, draft: found.draft };
            self.0.insert(address, document.clone());
            return Ok(document);
        }
        let shown = String::from_utf8_lossy(&address).into_owned();
        let is_file = reference.scheme == b"file";
        let is_canonical = if is_file {
            reference.path.starts_with(b"/")
        } else {
            !reference.scheme.is_empty() && !reference.host.is_empty()
        };
        if !is_canonical {
            return Err(format!("Reference {shown} must be canonical"));
        }
        let known = DRAFTS.iter().find(|(known, ..)| known.as_bytes() == whole_address);
        let Some((_, draft, text)) = known else {
            return Err(format!("remote reference loading disabled: {shown}"));
        };
        let parsed = json::parse(text.as_bytes(), &Limits::default()).map_err(|error| error.to_string())?;
        let value = self.add(&parsed.value, &whole)?;
        Ok(Document { value: point(&value, &reference.fragment)?.clone(), draft: Some(*draft) })
    }
}

/// What a JSON pointer leads to. A fragment that is no pointer leads to the whole document.
fn point<'v>(document: &'v Value, fragment: &[u8]) -> Result<&'v Value, String> {
    let Some(pointer) = fragment.strip_prefix(b"/") else {
        return Ok(document);
    };
    let mut value = document;
    for token in pointer.split(|byte| *byte == b'/') {
        let token = String::from_utf8_lossy(token);
        value = match value {
            Value::Object(object) => {
                let key = token.replace("~1", "/").replace("~0", "~");
                object.get(&key).ok_or_else(|| format!("Object has no key '{key}'"))?
            }
            Value::Array(items) => {
                let index = token.parse::<i64>().map_err(|_| format!("Invalid array index '{token}'"))?;
                let item = usize::try_from(index).ok().and_then(|index| items.get(index));
                item.ok_or_else(|| format!("Out of bound array[0,{}] index '{index}'", items.len()))?
            }
            _ => return Err(format!("Invalid token reference '{token}'")),
        };
    }
    Ok(value)
}
