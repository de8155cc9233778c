//! Back into a data directory whose server lets nobody in, against the real binary.

use crate::cli_access::{House, PASSWORD, guarded, refused};
use crate::program::{Done, run};
use std::fs;
use std::path::Path;

/// An offline command on the data, with its words and a reason.
fn offline(words: &[&str], data: &Path, reason: &str) -> Done {
    let data = data.to_str().expect("text");
    run(&[words, &["--data", data, "--reason", reason]].concat())
}

impl House {
    /// Stopped, something done to what lies there, and started again.
    fn between(self, work: impl FnOnce(&Path)) -> Self {
        let House { dir, server } = self;
        assert_eq!(server.stop(), 0);
        let data = dir.path().join("data");
        work(&data);
        let server = guarded(&data);
        House { dir, server }
    }
}

#[test]
fn who_lost_every_owner_recovers_and_the_log_says_so() {
    let house = House::new();
    let data = house.path("data");
    let recover = ["access", "recover", "--actor", "Root"];
    refused(&offline(&recover, &data, "r"), "stop the other one");
    let house = house.between(|data| {
        let made = offline(&recover, data, "OPS-88: Ana left").ok();
        assert!(made.out.contains("/claim#mar_one_"), "{made:?}");
        // It outlives a restart, until it is used.
        assert_eq!(guarded(data).stop(), 0);
    });
    let link = data.join("first-sign-in");
    let claim = "user claim --login bo --name Bo --password-stdin --link";
    house
        .say(&format!("{claim} @{}", link.display()), PASSWORD)
        .ok();
    assert!(!link.exists(), "it is used up");
    let me = house.say("whoami --sign-in bo --password-stdin", PASSWORD);
    assert!(me.clone().ok().out.contains("access:manage"), "{me:?}");
    let noted = house.owner("search action:recoverAccess -o json");
    let noted = noted.ok().json();
    assert_eq!(noted.as_array().map(Vec::len), Some(1), "{noted}");
    assert_eq!(noted[0]["context"]["reason"], "OPS-88: Ana left");
    assert_eq!(noted[0]["actor"]["name"], "Root");
    assert_eq!(noted[0]["category"], "audit");
}

/// Starts, and is refused.
fn serve(data: &Path) -> Done {
    let data = data.to_str().expect("text");
    let listen = ["--listen", "127.0.0.1:0", "--allow-volatile"];
    run(&[&["serve", "--data", data][..], &listen].concat())
}

const ACCEPT: &[&str] = &["access", "accept"];

#[test]
fn an_older_access_file_is_accepted_only_knowingly() {
    let house = House::new();
    let kept = house.path("kept.redb");
    let house = house.between(|data| {
        fs::copy(data.join("access.redb"), &kept).expect("copied");
    });
    house.service("later", "entries:read", "");
    let house = house.between(|data| {
        fs::copy(&kept, data.join("access.redb")).expect("put back");
        let refused_by = serve(data);
        assert_eq!(refused_by.exit, 1, "{refused_by:?}");
        for part in ["is older than it was", "mar-audit access accept"] {
            assert!(refused_by.err.contains(part), "{refused_by:?}");
        }
        let accept = [ACCEPT, &["--revoke-all"]].concat();
        let done = offline(&accept, data, "restored").ok();
        for part in ["revoked or ended: 1", "the server starts with it"] {
            assert!(done.err.contains(part), "{done:?}");
        }
    });
    refused(&house.owner("whoami"), "Sign in first");
    let token = "token create --sign-in ana@acme.example --password-stdin --name again --permission entries:read";
    house.keep("owner", &house.say(token, PASSWORD).ok().out);
    let noted = house.owner("search action:acceptAccess -o json");
    let noted = noted.ok().json();
    let context = &noted[0]["context"];
    assert_eq!(context["was"], "older");
    assert_eq!(context["reason"], "restored");
    assert_eq!(context["revoked_all"], true);
}

#[test]
fn an_access_file_that_is_gone_is_begun_anew_only_knowingly() {
    let house = House::new();
    let house = house.between(|data| {
        fs::remove_file(data.join("access.redb")).expect("removed");
        let refused_by = serve(data);
        let told = "is gone, though there were accounts in it";
        assert!(refused_by.err.contains(told), "{refused_by:?}");
        let done = offline(ACCEPT, data, "lost").ok();
        assert!(done.err.contains("there is no owner in it"), "{done:?}");
        let again = offline(ACCEPT, data, "again").ok();
        assert!(again.err.contains("nothing to accept"), "{again:?}");
    });
    assert!(house.path("data/first-sign-in").exists());
    refused(&house.owner("whoami"), "Sign in first");
}
