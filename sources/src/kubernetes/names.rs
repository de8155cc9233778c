//! What a request is called: actions, target types and categories of verbs and resources.
//!
//! The platform's own things keep the platform's names: a namespace is a cluster, a pod an instance, a configmap a config profile,
//! service accounts are users, bindings and roles are access control. Everything else is its verb and its kind:
//! `createDeployment`, `scaleDeployment`, `listNodes`. A dry run changed nothing, so its action says `dryRun` first.

use crate::foreign;
use entry::json::{Object, Value};
use entry::{Catalogue, Category, Target};
use std::sync::LazyLock;

/// What is known of one resource.
struct Resource {
    plural: &'static str,
    /// In actions.
    kind: &'static str,
    target_type: Option<&'static str>,
    category: Category,
}

const fn row(
    plural: &'static str,
    kind: &'static str,
    target_type: &'static str,
    category: Category,
) -> Resource {
    Resource {
        plural,
        kind,
        target_type: Some(target_type),
        category,
    }
}

const fn plain(plural: &'static str, kind: &'static str) -> Resource {
    Resource {
        plural,
        kind,
        target_type: None,
        category: Category::Other,
    }
}

/// What the platform knows, and kinds of several words, which a plural in small letters does not tell.
const RESOURCES: &[Resource] = &[
    row("namespaces", "Cluster", "cluster", Category::Cluster),
    row("pods", "Instance", "instance", Category::Instance),
    row("deployments", "Deployment", "instance", Category::Instance),
    row(
        "statefulsets",
        "StatefulSet",
        "instance",
        Category::Instance,
    ),
    row("replicasets", "ReplicaSet", "instance", Category::Instance),
    row(
        "configmaps",
        "ConfigProfile",
        "config_profile",
        Category::Config,
    ),
    row("serviceaccounts", "User", "user", Category::AccessControl),
    row("users", "User", "user", Category::AccessControl),
    row("roles", "Role", "role", Category::AccessControl),
    row("clusterroles", "Role", "role", Category::AccessControl),
    row(
        "rolebindings",
        "RoleBinding",
        "role",
        Category::AccessControl,
    ),
    row(
        "clusterrolebindings",
        "RoleBinding",
        "role",
        Category::AccessControl,
    ),
    row(
        "mutatingwebhookconfigurations",
        "Webhook",
        "webhook",
        Category::Webhook,
    ),
    row(
        "validatingwebhookconfigurations",
        "Webhook",
        "webhook",
        Category::Webhook,
    ),
    row("prometheusrules", "AlertRule", "alert", Category::Alert),
    row("alertmanagers", "Alertmanager", "alert", Category::Alert),
    row(
        "alertmanagerconfigs",
        "AlertmanagerConfig",
        "alert",
        Category::Alert,
    ),
    plain("apiservices", "APIService"),
    plain("certificatesigningrequests", "CertificateSigningRequest"),
    plain("componentstatuses", "ComponentStatus"),
    plain("controllerrevisions", "ControllerRevision"),
    plain("cronjobs", "CronJob"),
    plain("csidrivers", "CSIDriver"),
    plain("csinodes", "CSINode"),
    plain("csistoragecapacities", "CSIStorageCapacity"),
    plain("customresourcedefinitions", "CustomResourceDefinition"),
    plain("daemonsets", "DaemonSet"),
    plain("endpoints", "Endpoints"),
    plain("endpointslices", "EndpointSlice"),
    plain("flowschemas", "FlowSchema"),
    plain("horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    plain("ingressclasses", "IngressClass"),
    plain("limitranges", "LimitRange"),
    plain("localsubjectaccessreviews", "LocalSubjectAccessReview"),
    plain("networkpolicies", "NetworkPolicy"),
    plain("persistentvolumeclaims", "PersistentVolumeClaim"),
    plain("persistentvolumes", "PersistentVolume"),
    plain("poddisruptionbudgets", "PodDisruptionBudget"),
    plain("podsecuritypolicies", "PodSecurityPolicy"),
    plain("podtemplates", "PodTemplate"),
    plain("priorityclasses", "PriorityClass"),
    plain("prioritylevelconfigurations", "PriorityLevelConfiguration"),
    plain("replicationcontrollers", "ReplicationController"),
    plain("resourcequotas", "ResourceQuota"),
    plain("runtimeclasses", "RuntimeClass"),
    plain("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    plain("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    plain("storageclasses", "StorageClass"),
    plain("subjectaccessreviews", "SubjectAccessReview"),
    plain("tokenreviews", "TokenReview"),
    plain("volumeattachments", "VolumeAttachment"),
];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::built_in);

/// Shares names with resources it only measures.
const METRICS: &str = "metrics.k8s.io";

/// A request as far as its names go.
pub struct Names {
    verb: String,
    resource: String,
    group: String,
    subresource: String,
    known: Option<&'static Resource>,
    /// A change of a workload that only restarts it.
    restarts: bool,
    pub dry_run: bool,
}

impl Names {
    pub fn of(event: &Object<'_>) -> Self {
        let text = |path: &[&str]| foreign::text_at(event, path).unwrap_or("").to_owned();
        let (resource, group) = (
            text(&["objectRef", "resource"]),
            text(&["objectRef", "apiGroup"]),
        );
        let known = RESOURCES
            .iter()
            .find(|known| known.plural == resource && group != METRICS);
        let restarted = "kubectl.kubernetes.io/restartedAt";
        let template = [
            "requestObject",
            "spec",
            "template",
            "metadata",
            "annotations",
            restarted,
        ];
        let verb = text(&["verb"]);
        Self {
            restarts: verb == "patch" && foreign::text_at(event, &template).is_some(),
            subresource: text(&["objectRef", "subresource"]),
            dry_run: dry_run(event),
            verb,
            resource,
            group,
            known,
        }
    }

    /// Whether a resource is named, and not only an address of the API server.
    pub fn has_resource(&self) -> bool {
        !self.resource.is_empty()
    }

    /// True for what changes nothing by its nature.
    pub fn reads(&self) -> bool {
        !self.connects()
            && matches!(
                self.verb.as_str(),
                "get" | "list" | "watch" | "head" | "options"
            )
    }

    /// True for a way into a container or behind the API server: a GET opens it, what goes through it is in no log.
    fn connects(&self) -> bool {
        matches!(
            self.subresource.as_str(),
            "exec" | "attach" | "portforward" | "proxy"
        )
    }

    /// `createCluster`, `execInstance`, `listNodes`; the bare verb where no resource is named. What the log says of itself nobody else may:
    /// an account of somebody's own kind that is created is `kubernetes:createAccount`.
    pub fn action(&self) -> String {
        let action = self.plain_action();
        if !self.dry_run || self.reads() {
            let known = CATALOGUE.get(&action);
            return match known.is_some_and(|known| known.category == Category::Audit) {
                true => format!("kubernetes:{action}"),
                false => action,
            };
        }
        let mut chars = action.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().fold("dryRun".to_owned(), |name, c| {
            format!("{name}{c}{}", chars.as_str())
        })
    }

    fn plain_action(&self) -> String {
        let kind = self.kind();
        if kind.is_empty() {
            return if self.verb.is_empty() {
                "unknown".to_owned()
            } else {
                self.verb.clone()
            };
        }
        let verb = match self.verb.as_str() {
            "patch" => "update",
            "deletecollection" => "delete",
            "" => "access",
            verb => verb,
        };
        match self.subresource.as_str() {
            "" if self.restarts => format!("restart{kind}"),
            "" if matches!(self.verb.as_str(), "list" | "watch" | "deletecollection") => {
                format!("{verb}{}", plural(&kind))
            }
            "" => format!("{verb}{kind}"),
            // These are done, whatever the verb that carries them.
            _ if self.connects() => format!("{}{kind}", self.subresource),
            "eviction" => format!("evict{kind}"),
            "binding" => format!("bind{kind}"),
            "finalize" => format!("finalize{kind}"),
            "approval" => format!("approve{kind}"),
            "scale" if !self.reads() => format!("scale{kind}"),
            subresource => format!("{verb}{kind}{}", capital(subresource)),
        }
    }

    fn kind(&self) -> String {
        match self.known {
            Some(known) => known.kind.to_owned(),
            None => capital(singular(&self.resource)),
        }
    }

    pub fn category(&self) -> Category {
        self.known.map_or(Category::Other, |known| known.category)
    }

    /// The platform's type, else `group/resource`; the core group has no name.
    fn target_type(&self) -> String {
        match self.known.and_then(|known| known.target_type) {
            Some(known) => known.to_owned(),
            None if self.group.is_empty() => self.resource.clone(),
            None => format!("{}/{}", self.group, self.resource),
        }
    }

    /// The object by its name; a collection by its resource; what is no resource by its path.
    pub fn target(&self, event: &Object<'_>) -> Option<Target> {
        let text = |path: &[&str]| foreign::text_at(event, path);
        if self.resource.is_empty() {
            let uri = text(&["requestURI"])?;
            let path = uri.split('?').next().unwrap_or(uri);
            return Some(super::target("url", None, Some(path)));
        }
        let answered = foreign::text_at(event, &["responseObject", "kind"])
            .is_some_and(|kind| kind != "Status");
        let answer = |name| {
            if answered {
                text(&["responseObject", "metadata", name])
            } else {
                None
            }
        };
        let name = text(&["objectRef", "name"])
            .or_else(|| answer("name"))
            .or_else(|| text(&["requestObject", "metadata", "name"]))
            .or_else(|| text(&["requestObject", "metadata", "generateName"]))
            .unwrap_or(&self.resource);
        let id = text(&["objectRef", "uid"]).or_else(|| {
            if self.subresource.is_empty() {
                answer("uid")
            } else {
                None
            }
        });
        Some(super::target(&self.target_type(), id, Some(name)))
    }
}

/// `dryRun=All`, in the URI or in the options of a deletion.
fn dry_run(event: &Object<'_>) -> bool {
    let query = foreign::text_at(event, &["requestURI"])
        .and_then(|uri| uri.split_once('?'))
        .map_or("", |(_, query)| query);
    let in_uri = query.split('&').any(|pair| {
        pair.split_once('=')
            .is_some_and(|(name, value)| name == "dryRun" && !value.is_empty())
    });
    let options = event.get("requestObject");
    let of_deletion =
        options.and_then(|o| o.get("kind")).and_then(Value::as_str) == Some("DeleteOptions");
    let in_options = options
        .and_then(|o| o.get("dryRun"))
        .and_then(Value::as_array)
        .is_some_and(|all| !all.is_empty());
    in_uri || (of_deletion && in_options)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|c| c.to_ascii_uppercase())
        .into_iter()
        .chain(chars)
        .collect()
}

fn singular(plural: &str) -> &str {
    let es = ["sses", "xes", "ches", "shes"]
        .iter()
        .any(|end| plural.ends_with(end));
    if es {
        plural.strip_suffix("es")
    } else {
        plural.strip_suffix('s').filter(|rest| !rest.ends_with('s'))
    }
    .unwrap_or(plural)
}

fn plural(kind: &str) -> String {
    let es = ["s", "x", "ch", "sh"].iter().any(|end| kind.ends_with(end));
    match kind
        .strip_suffix('y')
        .filter(|rest| !rest.ends_with(['a', 'e', 'i', 'o', 'u']))
    {
        _ if kind == "Endpoints" => kind.to_owned(),
        Some(rest) => format!("{rest}ies"),
        None => format!("{kind}{}", if es { "es" } else { "s" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(event: &str) -> Names {
        let value = entry::json::parse(event.as_bytes())
            .expect("JSON")
            .into_owned();
        Names::of(value.as_object().expect("an object"))
    }

    #[test]
    fn verbs_and_resources_have_names_a_person_would_search_for() {
        for (verb, resource, subresource, action) in [
            ("create", "namespaces", "", "createCluster"),
            ("delete", "namespaces", "", "deleteCluster"),
            ("patch", "deployments", "scale", "scaleDeployment"),
            ("update", "statefulsets", "scale", "scaleStatefulSet"),
            ("get", "deployments", "scale", "getDeploymentScale"),
            ("create", "pods", "exec", "execInstance"),
            ("get", "pods", "exec", "execInstance"),
            ("create", "pods", "eviction", "evictInstance"),
            ("get", "pods", "log", "getInstanceLog"),
            ("deletecollection", "configmaps", "", "deleteConfigProfiles"),
            ("patch", "clusterrolebindings", "", "updateRoleBinding"),
            ("create", "serviceaccounts", "token", "createUserToken"),
            ("list", "networkpolicies", "", "listNetworkPolicies"),
            ("list", "ingresses", "", "listIngresses"),
            ("create", "ingresses", "", "createIngress"),
            ("watch", "nodes", "", "watchNodes"),
            ("create", "widgets", "", "createWidget"),
            ("create", "", "", "create"),
            ("", "", "", "unknown"),
        ] {
            let event = format!(
                r#"{{"verb":"{verb}","objectRef":{{"resource":"{resource}","subresource":"{subresource}"}}}}"#
            );
            assert_eq!(
                names(&event).action(),
                action,
                "{verb} {resource}/{subresource}"
            );
        }
    }

    /// Of somebody's own kinds that are called accounts, bindings or links: entries under the log's own names were refused later, since
    /// nobody may record what the log says of itself.
    #[test]
    fn no_action_is_one_of_those_that_the_log_records_of_itself() {
        for (verb, resource, action) in [
            ("create", "accounts", "kubernetes:createAccount"),
            ("patch", "accounts", "kubernetes:updateAccount"),
            ("delete", "accounts", "deleteAccount"),
            ("create", "bindings", "kubernetes:createBinding"),
            ("create", "links", "kubernetes:createLink"),
            ("create", "embeds", "kubernetes:createEmbed"),
            ("create", "tokens", "createToken"),
        ] {
            let event = format!(
                r#"{{"verb":"{verb}","objectRef":{{"resource":"{resource}","apiGroup":"x.example"}}}}"#
            );
            assert_eq!(names(&event).action(), action);
        }
        for known in CATALOGUE.actions() {
            let end = known
                .name
                .find(char::is_uppercase)
                .unwrap_or(known.name.len());
            let (verb, kind) = known.name.split_at(end);
            for resource in [
                kind.to_lowercase(),
                plural(kind).to_lowercase(),
                kind.to_owned(),
            ] {
                let event =
                    format!(r#"{{"verb":"{verb}","objectRef":{{"resource":"{resource}"}}}}"#);
                let action = names(&event).action();
                let own = CATALOGUE.get(&action);
                assert!(
                    own.is_none_or(|own| own.category != Category::Audit),
                    "{action}"
                );
            }
        }
    }

    #[test]
    fn a_dry_run_does_not_read_as_a_change() {
        let event = r#"{"verb":"create","requestURI":"/api/v1/namespaces?dryRun=All&x=1","objectRef":{"resource":"namespaces"}}"#;
        assert_eq!(names(event).action(), "dryRunCreateCluster");
        let event = r#"{"verb":"delete","requestURI":"/a","requestObject":{"kind":"DeleteOptions","dryRun":["All"]},"objectRef":{"resource":"pods"}}"#;
        assert_eq!(names(event).action(), "dryRunDeleteInstance");
        let event =
            r#"{"verb":"delete","requestURI":"/a?dryRun=","objectRef":{"resource":"pods"}}"#;
        assert_eq!(names(event).action(), "deleteInstance");
    }

    #[test]
    fn a_rollout_that_only_restarts_is_a_restart() {
        let event = r#"{"verb":"patch","objectRef":{"resource":"deployments"},"requestObject":{"spec":{"template":{"metadata":
            {"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-23T09:00:00Z"}}}}}}"#;
        assert_eq!(names(event).action(), "restartDeployment");
    }

    #[test]
    fn targets_are_named_by_what_is_there() {
        for (event, kind, name) in [
            (
                r#"{"verb":"get","objectRef":{"resource":"pods","name":"web"}}"#,
                "instance",
                "web",
            ),
            (
                r#"{"verb":"create","objectRef":{"resource":"pods"},"responseObject":{"kind":"Pod","metadata":{"name":"web-1"}}}"#,
                "instance",
                "web-1",
            ),
            (
                r#"{"verb":"create","objectRef":{"resource":"pods"},"responseObject":{"kind":"Status","metadata":{"name":"no"}}}"#,
                "instance",
                "pods",
            ),
            (
                r#"{"verb":"create","objectRef":{"resource":"pods"},"requestObject":{"metadata":{"generateName":"web-"}}}"#,
                "instance",
                "web-",
            ),
            (
                r#"{"verb":"list","objectRef":{"resource":"leases","apiGroup":"coordination.k8s.io"}}"#,
                "coordination.k8s.io/leases",
                "leases",
            ),
            (
                r#"{"verb":"list","objectRef":{"resource":"pods","apiGroup":"metrics.k8s.io"}}"#,
                "metrics.k8s.io/pods",
                "pods",
            ),
            (
                r#"{"verb":"get","requestURI":"/healthz?verbose"}"#,
                "url",
                "/healthz",
            ),
        ] {
            let value = entry::json::parse(event.as_bytes()).expect("JSON");
            let object = value.as_object().expect("an object");
            let target = Names::of(object).target(object).expect("a target");
            assert_eq!(
                (target.kind.as_deref(), target.name.as_deref()),
                (Some(kind), Some(name)),
                "{event}"
            );
        }
    }
}
