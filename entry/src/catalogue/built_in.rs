//! The platform's own actions, a row each: name, category, target type, title, sentence.

use crate::Category::{self, AccessControl, Alert, Audit, Cluster, Config, Instance, Webhook};

pub(super) type Row = (
    &'static str,
    Category,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
pub(super) const ACTIONS: &[Row] = &[
    ("createCluster", Cluster, "cluster", "Create cluster", "{actor} created cluster {target}"),
    ("updateCluster", Cluster, "cluster", "Update cluster", "{actor} changed cluster {target}"),
    ("scaleCluster", Cluster, "cluster", "Scale cluster", "{actor} scaled cluster {target}"),
    ("upgradeCluster", Cluster, "cluster", "Upgrade cluster", "{actor} upgraded cluster {target}"),
    ("startCluster", Cluster, "cluster", "Start cluster", "{actor} started cluster {target}"),
    ("stopCluster", Cluster, "cluster", "Stop cluster", "{actor} stopped cluster {target}"),
    ("restartCluster", Cluster, "cluster", "Restart cluster", "{actor} restarted cluster {target}"),
    ("deleteCluster", Cluster, "cluster", "Delete cluster", "{actor} deleted cluster {target}"),

    ("createInstance", Instance, "instance", "Create instance", "{actor} created instance {target}"),
    ("updateInstance", Instance, "instance", "Update instance", "{actor} changed instance {target}"),
    ("startInstance", Instance, "instance", "Start instance", "{actor} started instance {target}"),
    ("stopInstance", Instance, "instance", "Stop instance", "{actor} stopped instance {target}"),
    ("restartInstance", Instance, "instance", "Restart instance", "{actor} restarted instance {target}"),
    ("deleteInstance", Instance, "instance", "Delete instance", "{actor} deleted instance {target}"),

    ("createConfigProfile", Config, "config_profile", "Create config profile", "{actor} created config profile {target}"),
    ("updateConfigProfile", Config, "config_profile", "Update config profile", "{actor} changed config profile {target}"),
    ("duplicateConfigProfile", Config, "config_profile", "Duplicate config profile", "{actor} duplicated config profile {target}"),
    ("applyConfigProfile", Config, "config_profile", "Apply config profile", "{actor} applied config profile {target}"),
    ("rollbackConfigProfile", Config, "config_profile", "Roll back config profile", "{actor} rolled back config profile {target}"),
    ("deleteConfigProfile", Config, "config_profile", "Delete config profile", "{actor} deleted config profile {target}"),

    ("createAlertRule", Alert, "alert", "Create alert rule", "{actor} created alert rule {target}"),
    ("updateAlertRule", Alert, "alert", "Update alert rule", "{actor} changed alert rule {target}"),
    ("pauseAlertRule", Alert, "alert", "Pause alert rule", "{actor} paused alert rule {target}"),
    ("resumeAlertRule", Alert, "alert", "Resume alert rule", "{actor} resumed alert rule {target}"),
    ("deleteAlertRule", Alert, "alert", "Delete alert rule", "{actor} deleted alert rule {target}"),
    ("raiseAlert", Alert, "alert", "Raise alert", "{actor} raised alert {target}"),
    ("acknowledgeAlert", Alert, "alert", "Acknowledge alert", "{actor} acknowledged alert {target}"),
    ("resolveAlert", Alert, "alert", "Resolve alert", "{actor} resolved alert {target}"),

    ("login", AccessControl, "user", "Log in", "{actor} logged in"),
    ("logout", AccessControl, "user", "Log out", "{actor} logged out"),
    ("inviteUser", AccessControl, "user", "Invite user", "{actor} invited user {target}"),
    ("createUser", AccessControl, "user", "Create user", "{actor} created user {target}"),
    ("updateUser", AccessControl, "user", "Update user", "{actor} changed user {target}"),
    ("disableUser", AccessControl, "user", "Disable user", "{actor} disabled user {target}"),
    ("enableUser", AccessControl, "user", "Enable user", "{actor} enabled user {target}"),
    ("resetPassword", AccessControl, "user", "Reset password", "{actor} reset the password of {target}"),
    ("deleteUser", AccessControl, "user", "Delete user", "{actor} deleted user {target}"),
    ("createRole", AccessControl, "role", "Create role", "{actor} created role {target}"),
    ("updateRole", AccessControl, "role", "Update role", "{actor} changed role {target}"),
    ("deleteRole", AccessControl, "role", "Delete role", "{actor} deleted role {target}"),
    ("createRoleBinding", AccessControl, "role", "Create role binding", "{actor} bound role {target}"),
    ("deleteRoleBinding", AccessControl, "role", "Delete role binding", "{actor} unbound role {target}"),
    ("createServiceAccount", AccessControl, "service_account", "Create service account", "{actor} created service account {target}"),
    ("deleteServiceAccount", AccessControl, "service_account", "Delete service account", "{actor} deleted service account {target}"),
    ("createToken", AccessControl, "token", "Create token", "{actor} created token {target}"),
    ("revokeToken", AccessControl, "token", "Revoke token", "{actor} revoked token {target}"),

    ("createWebhook", Webhook, "webhook", "Create webhook", "{actor} created webhook {target}"),
    ("updateWebhook", Webhook, "webhook", "Update webhook", "{actor} changed webhook {target}"),
    ("pauseWebhook", Webhook, "webhook", "Pause webhook", "{actor} paused webhook {target}"),
    ("resumeWebhook", Webhook, "webhook", "Resume webhook", "{actor} resumed webhook {target}"),
    ("testWebhook", Webhook, "webhook", "Test webhook", "{actor} tested webhook {target}"),
    ("deliverWebhook", Webhook, "webhook", "Deliver to webhook", "{actor} delivered to webhook {target}"),
    ("deleteWebhook", Webhook, "webhook", "Delete webhook", "{actor} deleted webhook {target}"),

    ("redactEntry", Audit, "entry", "Redact entry", "{actor} erased members of entry {target}"),
    ("erasePerson", Audit, "", "Erase person", "{actor} erased what spoke of a person"),
    ("rotateLogKey", Audit, "log", "Rotate log key", "{actor} replaced the key of log {target}"),
    ("recoverLog", Audit, "log", "Recover log", "{actor} gave log {target} a new name"),
];
