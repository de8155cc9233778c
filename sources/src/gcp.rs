//! Google Cloud: by its table, but for what GKE's clusters write, which is called as any cluster's requests are: `deleteInstance`, on an
//! instance. The method stays in the context.

use crate::foreign::{self, Claims, Fate, Item, Layout, Mapper};
use crate::kubernetes::names::Names;
use crate::table::Table;
use entry::json::{self, Object, Value};
use entry::{Draft, Json};
use std::sync::Arc;

/// See the module.
pub struct Gcp {
    table: Arc<Table>,
    claims: Claims,
}

impl Gcp {
    pub fn new(table: Arc<Table>, claims: Claims) -> Self {
        Self { table, claims }
    }
}

impl Mapper for Gcp {
    fn layout(&self) -> Layout {
        self.table.layout()
    }

    fn take(&mut self, item: Item, header: &[u8], done: &mut dyn FnMut(Item, Fate)) {
        let request = json::parse(&item.raw)
            .ok()
            .and_then(|value| Request::of(&value));
        let Some(request) = request else {
            return self.table.take(&self.claims, item, header, done);
        };
        self.table
            .take(&self.claims, item, header, &mut |item, fate| {
                let fate = match fate {
                    Fate::Send(mut draft) => {
                        request.rename(&mut draft);
                        Fate::Send(draft)
                    }
                    other => other,
                };
                done(item, fate);
            });
    }
}

/// A request to a cluster's API server.
struct Request {
    /// `io.k8s.core.v1.pods.delete`
    method: String,
    names: Names,
    /// As the API server would have written it.
    event: Object<'static>,
}

impl Request {
    /// Of a record of the cluster's own log that names a resource; `core/v1/namespaces/default/pods/web/exec`, say.
    fn of(record: &Value<'_>) -> Option<Self> {
        let payload = record.get("protoPayload")?;
        if foreign::text(payload.get("serviceName")) != Some("k8s.io") {
            return None;
        }
        let method = foreign::text(payload.get("methodName"))?;
        let place = foreign::text(payload.get("resourceName")).unwrap_or("");
        let tokens: Vec<&str> = method.split('.').collect();
        let version = tokens.iter().position(|token| is_version(token))?;
        let (resource, subresource, verb) = match &tokens[version + 1..] {
            [resource, verb] => (*resource, "", *verb),
            [resource, between @ .., verb] => (*resource, *between.first()?, *verb),
            _ => return None,
        };
        let mut object = Object::new();
        object.insert("resource", resource.to_owned());
        object.insert("subresource", subresource.to_owned());
        let parts: Vec<&str> = place.split('/').collect();
        if let Some(group) = parts.first().filter(|group| group.contains('.')) {
            object.insert("apiGroup", (*group).to_owned());
        }
        let after = |name: &str| {
            let at = parts.iter().skip(2).position(|part| *part == name)?;
            parts.get(at + 3).map(|part| (*part).to_owned())
        };
        if let Some(name) = after(resource) {
            object.insert("name", name);
        }
        let mut event = Object::new();
        event.insert("verb", verb.to_owned());
        event.insert("objectRef", object);
        for (ours, theirs) in [("requestObject", "request"), ("responseObject", "response")] {
            if let Some(body) = payload.get(theirs) {
                event.insert(ours, body.clone().into_owned());
            }
        }
        let names = Names::of(&event);
        let method = method.to_owned();
        names.has_resource().then_some(Self {
            method,
            names,
            event,
        })
    }

    /// Calls an entry as one of the cluster's own log is called.
    fn rename(&self, draft: &mut Draft) {
        draft.action = self.names.action().into();
        draft.category = Some(self.names.category());
        if let Some(mut target) = self.names.target(&self.event) {
            // Where it is, in full.
            target.id = draft.target.take().and_then(|known| known.id);
            draft.target = Some(target);
        }
        let context = draft.context.take().map(|json| json.parse().into_owned());
        let Some(Value::Object(mut context)) = context else {
            return;
        };
        if !self.names.reads() && context.get("noise").and_then(Value::as_str) == Some("read") {
            context.remove("noise");
        }
        if let Some(Value::Object(record)) = context.get_mut("gcp") {
            let mut payload = foreign::take_object(record, "protoPayload").unwrap_or_default();
            payload.insert("methodName", self.method.clone());
            record.insert("protoPayload", payload);
        }
        draft.context = Some(Json::from(&Value::Object(context)));
    }
}

/// `v1`, `v1beta1`
fn is_version(token: &str) -> bool {
    token
        .strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
