//! Whom a credential speaks for, as the pages tell it to the one who shows it.

use super::account::Account;
use super::link::Link;
use super::principal::{Credential, Principal};
use super::{Access, book::Book};

/// What somebody is told of themselves.
#[derive(Clone, Debug)]
pub enum Introduction {
    /// An account, and the names of its roles, each once.
    Account {
        name: String,
        login: String,
        roles: Vec<String>,
    },
    /// An auditor's link: what it is frozen to.
    Link(Box<Link>),
}

impl Access {
    /// Whom the principal acts as; nothing of an embedded page, which acts as nobody.
    pub fn introduce(&self, principal: &Principal) -> Option<Introduction> {
        let book = self.book.read();
        if let Credential::Link(id) = &principal.credential {
            return book
                .links
                .get(id)
                .cloned()
                .map(|link| Introduction::Link(Box::new(link)));
        }
        let account = book.accounts.get(principal.account()?)?;
        Some(Introduction::Account {
            roles: roles(&book, account),
            name: account.name.clone(),
            login: account.login.to_string(),
        })
    }
}

fn roles(book: &Book, account: &Account) -> Vec<String> {
    let mut names: Vec<String> = book
        .bindings_of(account)
        .map(|binding| binding.role.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}
