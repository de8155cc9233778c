//! The actions of the built-in catalogue as constants, and actions of your own.
//!
//! Those of the category `audit` have none: they are the log's own, which refuses them from recorders.

use entry::Category;
use std::borrow::Cow;

/// What was done: one of the catalogue, or your own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    name: Cow<'static, str>,
    category: Option<Category>,
}

impl Action {
    const fn known(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            category: None,
        }
    }

    /// An action that the built-in catalogue does not know. It is kept under [`Category::Other`] unless the server's
    /// configuration has a row for it, or [`Action::category`] names another.
    pub fn custom(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            category: None,
        }
    }

    /// The group it belongs to, for an action that the server's catalogue does not know.
    #[must_use]
    pub fn category(mut self, category: Category) -> Self {
        self.category = Some(category);
        self
    }

    /// `scaleCluster`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The group that was named, if one was.
    pub fn named_category(&self) -> Option<Category> {
        self.category
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)+) => {
        $($(#[$doc])* pub const $constant: Action = Action::known($name);)+

        /// The name of every action that has a constant.
        pub const NAMES: &[&str] = &[$($name,)+];
    };
}

actions! {
    /// Create cluster.
    CREATE_CLUSTER = "createCluster";
    /// Update cluster.
    UPDATE_CLUSTER = "updateCluster";
    /// Scale cluster.
    SCALE_CLUSTER = "scaleCluster";
    /// Upgrade cluster.
    UPGRADE_CLUSTER = "upgradeCluster";
    /// Start cluster.
    START_CLUSTER = "startCluster";
    /// Stop cluster.
    STOP_CLUSTER = "stopCluster";
    /// Restart cluster.
    RESTART_CLUSTER = "restartCluster";
    /// Delete cluster.
    DELETE_CLUSTER = "deleteCluster";
    /// Create instance.
    CREATE_INSTANCE = "createInstance";
    /// Update instance.
    UPDATE_INSTANCE = "updateInstance";
    /// Start instance.
    START_INSTANCE = "startInstance";
    /// Stop instance.
    STOP_INSTANCE = "stopInstance";
    /// Restart instance.
    RESTART_INSTANCE = "restartInstance";
    /// Delete instance.
    DELETE_INSTANCE = "deleteInstance";
    /// Create config profile.
    CREATE_CONFIG_PROFILE = "createConfigProfile";
    /// Update config profile.
    UPDATE_CONFIG_PROFILE = "updateConfigProfile";
    /// Duplicate config profile.
    DUPLICATE_CONFIG_PROFILE = "duplicateConfigProfile";
    /// Apply config profile.
    APPLY_CONFIG_PROFILE = "applyConfigProfile";
    /// Roll back config profile.
    ROLLBACK_CONFIG_PROFILE = "rollbackConfigProfile";
    /// Delete config profile.
    DELETE_CONFIG_PROFILE = "deleteConfigProfile";
    /// Create alert rule.
    CREATE_ALERT_RULE = "createAlertRule";
    /// Update alert rule.
    UPDATE_ALERT_RULE = "updateAlertRule";
    /// Pause alert rule.
    PAUSE_ALERT_RULE = "pauseAlertRule";
    /// Resume alert rule.
    RESUME_ALERT_RULE = "resumeAlertRule";
    /// Delete alert rule.
    DELETE_ALERT_RULE = "deleteAlertRule";
    /// Raise alert.
    RAISE_ALERT = "raiseAlert";
    /// Acknowledge alert.
    ACKNOWLEDGE_ALERT = "acknowledgeAlert";
    /// Resolve alert.
    RESOLVE_ALERT = "resolveAlert";
    /// Log in.
    LOGIN = "login";
    /// Log out.
    LOGOUT = "logout";
    /// Invite user.
    INVITE_USER = "inviteUser";
    /// Create user.
    CREATE_USER = "createUser";
    /// Update user.
    UPDATE_USER = "updateUser";
    /// Disable user.
    DISABLE_USER = "disableUser";
    /// Enable user.
    ENABLE_USER = "enableUser";
    /// Reset password.
    RESET_PASSWORD = "resetPassword";
    /// Delete user.
    DELETE_USER = "deleteUser";
    /// Create role.
    CREATE_ROLE = "createRole";
    /// Update role.
    UPDATE_ROLE = "updateRole";
    /// Delete role.
    DELETE_ROLE = "deleteRole";
    /// Create role binding.
    CREATE_ROLE_BINDING = "createRoleBinding";
    /// Delete role binding.
    DELETE_ROLE_BINDING = "deleteRoleBinding";
    /// Create service account.
    CREATE_SERVICE_ACCOUNT = "createServiceAccount";
    /// Delete service account.
    DELETE_SERVICE_ACCOUNT = "deleteServiceAccount";
    /// Create token.
    CREATE_TOKEN = "createToken";
    /// Revoke token.
    REVOKE_TOKEN = "revokeToken";
    /// Create webhook.
    CREATE_WEBHOOK = "createWebhook";
    /// Update webhook.
    UPDATE_WEBHOOK = "updateWebhook";
    /// Pause webhook.
    PAUSE_WEBHOOK = "pauseWebhook";
    /// Resume webhook.
    RESUME_WEBHOOK = "resumeWebhook";
    /// Test webhook.
    TEST_WEBHOOK = "testWebhook";
    /// Deliver to webhook.
    DELIVER_WEBHOOK = "deliverWebhook";
    /// Delete webhook.
    DELETE_WEBHOOK = "deleteWebhook";
    /// Drop entries.
    DROP_ENTRIES = "dropEntries";
}

#[cfg(test)]
mod tests {
    use super::*;
    use entry::Catalogue;
    use std::collections::BTreeSet;

    #[test]
    fn the_constants_are_the_catalogue() {
        let catalogue = Catalogue::built_in();
        let of_recorders = catalogue
            .actions()
            .iter()
            .filter(|action| action.category != Category::Audit);
        let known: BTreeSet<&str> = of_recorders.map(|action| &*action.name).collect();
        let constants: BTreeSet<&str> = NAMES.iter().copied().collect();
        assert_eq!(constants, known);
        assert_eq!(constants.len(), NAMES.len(), "each once");
        assert_eq!(SCALE_CLUSTER.name(), "scaleCluster");
    }

    #[test]
    fn an_action_of_your_own_names_its_group() {
        let action = Action::custom("rotateCertificate").category(Category::Cluster);
        assert_eq!(
            (action.name(), action.named_category()),
            ("rotateCertificate", Some(Category::Cluster))
        );
    }
}
