//! Fields of forms: filled in as they were, with what is wrong beside each.

use super::words;
use crate::access::{Permission, Permissions};
use crate::api::access::bodies::wrong;
use crate::pages::form::Form;
use crate::pages::setting::icon;
use crate::pages::visible::plain;
use crate::problem::{Kind, Problem};
use entry::mask::Hidden;
use maud::{Markup, html};

/// Organization and projects of a form, as bodies of calls have them.
pub fn asked_extent(form: &Form) -> Result<(Option<String>, Option<Vec<String>>), Problem> {
    let organization = form.trimmed("organization").map(str::to_owned);
    let named = || { organization.clone() }.ok_or_else(|| wrong("organization", "which one?"));
    match form.get("scope") {
        Some("organization") => Ok((Some(named()?), None)),
        Some("projects") => {
            let text = form.text("projects");
            let lines = text.lines().map(str::trim);
            let names = lines.filter(|line| !line.is_empty()).map(str::to_owned);
            Ok((Some(named()?), Some(names.collect())))
        }
        Some("server") => Ok((None, None)),
        _ => Err(wrong("scope", "where does it hold?")),
    }
}

/// A form to be filled in, or again: with what was typed, but never a password, and what is wrong with it.
#[derive(Clone, Copy)]
pub struct Filled<'a> {
    pub form: &'a Form,
    pub problem: Option<&'a Problem>,
}

impl<'a> Filled<'a> {
    pub fn new(form: &'a Form) -> Self {
        Self {
            form,
            problem: None,
        }
    }

    /// What is wrong with the field.
    pub fn fault(&self, field: &str) -> Option<&'a str> {
        let problem = self.problem?;
        let at = problem.errors.iter().find(|fault| {
            let pointer = fault.pointer.as_deref().and_then(|at| at.strip_prefix('/'));
            pointer == Some(field)
        });
        match at {
            Some(fault) => Some(&fault.detail),
            None => (problem.kind == Kind::Taken && field == taken(self.form))
                .then_some(problem.detail.as_str()),
        }
    }

    /// What is wrong, above the form, unless it is said beside one of these fields.
    pub fn notice(&self, fields: &[&str]) -> Markup {
        let beside = fields.iter().any(|field| self.fault(field).is_some());
        match self.problem.filter(|_| !beside) {
            Some(problem) => notice(problem),
            None => html! {},
        }
    }

    /// One line of text.
    pub fn line(&self, name: &str, label: &str, hint: &str) -> Markup {
        let attributes = Attributes {
            kind: "text",
            ..Attributes::default()
        };
        self.input(name, label, hint, attributes)
    }

    /// One line of text that must be there.
    pub fn required(&self, name: &str, label: &str, hint: &str) -> Markup {
        let attributes = Attributes {
            kind: "text",
            is_required: true,
            ..Attributes::default()
        };
        self.input(name, label, hint, attributes)
    }

    /// A password, which is never filled in again.
    pub fn password(&self, name: &str, label: &str, hint: &str, is_new: bool) -> Markup {
        let attributes = Attributes {
            kind: "password",
            is_required: true,
            autocomplete: if is_new {
                "new-password"
            } else {
                "current-password"
            },
            list: None,
        };
        self.input(name, label, hint, attributes)
    }

    pub fn input(&self, name: &str, label: &str, hint: &str, with: Attributes) -> Markup {
        let value = (with.kind != "password").then(|| self.form.text(name));
        let fault = self.fault(name);
        let said = fault.map(|fault| sentence(label, fault));
        let (about, fault_id) = (format!("{name}-hint"), format!("{name}-fault"));
        let described = match (fault, hint) {
            (Some(_), "") => Some(fault_id.clone()),
            (Some(_), _) => Some(format!("{fault_id} {about}")),
            (None, "") => None,
            (None, _) => Some(about.clone()),
        };
        html! {
            div.field-row {
                label for=(name) { (label) }
                input id=(name) name=(name) type=(with.kind) value=[value] required[with.is_required] autocomplete=(with.autocomplete)
                    spellcheck="false" autocapitalize="off" list=[with.list] aria-describedby=[described] aria-invalid=[fault.map(|_| "true")];
                @if let Some(said) = &said { (beside(&fault_id, said)) }
                @if !hint.is_empty() { p.hint id=(about) { (hint) } }
            }
        }
    }

    /// Boxes to tick, each with a line that says what it means.
    fn boxes<'b>(
        &self,
        name: &str,
        legend: &str,
        all: impl Iterator<Item = (&'static str, &'b str, &'b str)>,
    ) -> Markup {
        let fault = self.fault(name);
        html! {
            fieldset.boxes aria-describedby=[fault.map(|_| format!("{name}-fault"))] {
                legend { (legend) }
                @if let Some(fault) = fault { (beside(&format!("{name}-fault"), fault)) }
                div.choices {
                    @for (value, title, says) in all {
                        label.choice {
                            input type="checkbox" name=(name) value=(value) checked[self.form.has(name, value)];
                            span { b { (title) } " " span.soft { (says) } }
                        }
                    }
                }
            }
        }
    }

    pub fn permissions(&self, offered: Permissions) -> Markup {
        let all = offered.iter().map(|one: Permission| {
            let (title, says) = words::of_permission(one);
            (one.as_str(), title, says)
        });
        self.boxes("permissions", "May", all)
    }

    pub fn mask(&self, legend: &str) -> Markup {
        let all = Hidden::ALL.iter().map(|&one| {
            let (title, says) = words::of_hidden(one);
            (one.name(), title, says)
        });
        self.boxes("mask", legend, all)
    }

    /// One of several, each with a line.
    pub fn radios(&self, name: &str, legend: &str, all: &[(&str, &str, &str)]) -> Markup {
        let fault = self.fault(name);
        html! {
            fieldset.boxes aria-describedby=[fault.map(|_| format!("{name}-fault"))] {
                legend { (legend) }
                @if let Some(fault) = fault { (beside(&format!("{name}-fault"), fault)) }
                div.choices {
                    @for (value, title, says) in all {
                        label.choice {
                            input type="radio" name=(name) value=(value) checked[self.form.get(name) == Some(*value)];
                            span { b { (title) } @if !says.is_empty() { " " span.soft { (says) } } }
                        }
                    }
                }
            }
        }
    }

    /// Where something holds: everywhere, in an organization, in projects of it.
    pub fn extent(&self, places: &Places, everywhere: &str) -> Markup {
        let chosen = self.form.get("scope");
        let radio = |value: &str, says: &str| {
            html! {
                label.choice {
                    input type="radio" name="scope" value=(value) checked[chosen == Some(value)];
                    span { (says) }
                }
            }
        };
        let (where_fault, projects_fault) = (self.fault("scope"), self.fault("projects"));
        html! {
            fieldset.boxes.extent {
                legend { "Where" }
                @if let Some(fault) = where_fault { (beside("scope-fault", fault)) }
                div.choices.short {
                    @if places.server { (radio("server", everywhere)) }
                    @if places.whole { (radio("organization", "An organization, with all its projects")) }
                    (radio("projects", "Projects of an organization"))
                }
                div.of-organization {
                    (self.input("organization", "Organization", "", Attributes { kind: "text", list: Some("organizations"), ..Attributes::default() }))
                    datalist #organizations { @for name in &places.organizations { option value=(name) {} } }
                }
                div.of-projects.field-row {
                    label for="projects" { "Projects, one a line" }
                    textarea #projects name="projects" rows="3" spellcheck="false" aria-invalid=[projects_fault.map(|_| "true")]
                        aria-describedby=[projects_fault.map(|_| "projects-fault")] { (self.form.text("projects")) }
                    @if let Some(fault) = projects_fault { (beside("projects-fault", fault)) }
                }
            }
        }
    }
}

/// How a field of one line is.
#[derive(Clone, Copy)]
pub struct Attributes {
    pub kind: &'static str,
    pub is_required: bool,
    pub autocomplete: &'static str,
    /// The id of a list of what could be typed.
    pub list: Option<&'static str>,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            kind: "text",
            is_required: false,
            autocomplete: "off",
            list: None,
        }
    }
}

/// Where the caller may give something.
pub struct Places {
    pub server: bool,
    /// A whole organization.
    pub whole: bool,
    pub organizations: Vec<String>,
}

impl Places {
    /// What a form begins with: the only place there is, or none.
    pub fn begin(&self, form: Form) -> Form {
        let form = match self.organizations.as_slice() {
            [one] if !self.server => form.with("organization", one),
            _ => form,
        };
        match (self.server, self.whole) {
            (false, true) => form.with("scope", "organization"),
            (false, false) => form.with("scope", "projects"),
            (true, _) => form,
        }
    }
}

/// A name that is taken is that of a login, where the form has one.
fn taken(form: &Form) -> &'static str {
    match form.asks_for("login") {
        true => "login",
        false => "name",
    }
}

fn beside(id: &str, fault: &str) -> Markup {
    html! { p.fault id=(id) { (icon("warn")) (plain(fault)) } }
}

/// `Login is a mail address or a slug`: most faults go on where the name of the field ends.
fn sentence(label: &str, fault: &str) -> String {
    let goes_on = ["is ", "has ", "are ", "lies ", "does "];
    match goes_on.iter().any(|word| fault.starts_with(word)) {
        true => format!("{label} {fault}"),
        false => fault.to_owned(),
    }
}

/// A refusal in words that help.
pub fn notice(problem: &Problem) -> Markup {
    let (title, says) = kindly(problem);
    html! {
        div.notice role="alert" {
            (icon("warn"))
            div { strong { (title) } p { (plain(&says)) } }
        }
    }
}

fn kindly(problem: &Problem) -> (&'static str, String) {
    use crate::access::Error;
    let detail = &problem.detail;
    if *detail == Error::NotYours.to_string() {
        let says = "Nobody passes on, changes or takes away what they do not have themselves. Somebody who may do all of it can do this.";
        return ("That is more than you may do", says.to_owned());
    }
    if *detail == Error::LastOwner.to_string() {
        let says = "Nobody would be left who may do everything, and nobody could mend that. Make somebody else an owner of the whole server first.";
        return ("This is the last owner", says.to_owned());
    }
    (problem.kind.title(), detail.clone())
}
