//! Secrets that a command is given: by a file, on stdin, or typed on the terminal without being shown. None is part of a
//! message.

use super::{Context, Failure};
use crate::access::Secret;
use crate::access::password::PASSWORD_BYTES_MAX;
use crate::access::token::TOKEN_BYTES_MAX;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// The token of a setting: what follows an `@` is the file that holds it. An empty one is none.
pub fn token(setting: Option<&str>) -> Result<Option<String>, Failure> {
    let text = setting.map(at_file).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// A text, or what is in the file that follows an `@`, without the white space around it.
pub fn at_file(text: &str) -> Result<String, Failure> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(text.to_owned());
    };
    let path = Path::new(path);
    let file = File::open(path).map_err(|e| Failure::file(path, &e))?;
    let text = short_text(file).map_err(|e| Failure::file(path, &e))?;
    match text.is_empty() {
        true => Err(Failure::failed(format!("{}: it is empty", path.display()))),
        false => Ok(text),
    }
}

/// A text no longer than a token and a line around it, without the white space around it.
pub fn short_text(from: impl Read) -> io::Result<String> {
    let (mut text, bytes_max) = (String::new(), TOKEN_BYTES_MAX as u64 * 2);
    from.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "no token is so long",
        ));
    }
    Ok(text.trim().to_owned())
}

/// A password that somebody has.
pub fn known(prompt: &str, context: &Context) -> Result<Secret, Failure> {
    match context.common.password_stdin {
        true => line(),
        false => typed(prompt),
    }
}

/// A password that somebody chooses: typed twice, since nobody sees what is typed.
pub fn chosen(login: &str, context: &Context) -> Result<Secret, Failure> {
    if context.common.password_stdin {
        return line();
    }
    let first = typed(&format!("New password of {login}: "))?;
    match typed("The same again: ")?.is_same_as(&first) {
        true => Ok(first),
        false => Err(Failure::failed(
            "the two are not the same; nothing was changed",
        )),
    }
}

/// The next line of stdin.
fn line() -> Result<Secret, Failure> {
    read(&mut io::stdin().lock()).map_err(|e| Failure::failed(format!("stdin: {e}")))
}

fn read(from: &mut impl BufRead) -> io::Result<Secret> {
    // A line's end may have two bytes; one more tells that it is too long.
    let bytes_max = PASSWORD_BYTES_MAX as u64 + 3;
    let mut text = String::new();
    from.take(bytes_max).read_line(&mut text)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.len() {
        0 => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "a line with a password was expected",
        )),
        1..=PASSWORD_BYTES_MAX => Ok(Secret::new(text.to_owned())),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a password has at most 1,024 bytes",
        )),
    }
}

/// Asks on the terminal, wherever stdin and stdout lead.
fn typed(prompt: &str) -> Result<Secret, Failure> {
    let mut options = OpenOptions::new();
    let mut terminal = options
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|_| {
            Failure::failed(
                "there is no terminal to ask for a password on; --password-stdin reads it",
            )
        })?;
    let failed = |e: io::Error| Failure::failed(format!("the terminal: {e}"));
    let before = tcgetattr(&terminal).map_err(|e| failed(e.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&terminal, OptionalActions::Flush, &silent).map_err(|e| failed(e.into()))?;
    let prompt = crate::terminal::visible(prompt).into_owned();
    let asked = terminal
        .write_all(prompt.as_bytes())
        .and_then(|()| terminal.flush());
    let answer = asked.and_then(|()| read(&mut BufReader::new(&terminal)));
    tcsetattr(&terminal, OptionalActions::Now, &before).map_err(|e| failed(e.into()))?;
    answer.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_stdin_is_one_password_and_nothing_of_it_is_lost() {
        let mut stdin = &b" first one \r\nsecond\nlast"[..];
        for expected in [" first one ", "second", "last"] {
            let secret = read(&mut stdin).expect("a line");
            assert_eq!(secret.expose(), expected);
        }
        assert!(read(&mut stdin).is_err(), "there is no fourth");
        assert!(
            read(&mut &b"\nsecond\n"[..]).is_err(),
            "an empty one is none"
        );
        let long = "x".repeat(PASSWORD_BYTES_MAX);
        assert!(read(&mut format!("{long}\r\n").as_bytes()).is_ok());
        assert!(read(&mut format!("{long}x\n").as_bytes()).is_err());
        assert!(read(&mut format!("{long}{long}").as_bytes()).is_err());
    }

    #[test]
    fn a_token_may_be_in_a_file_and_an_empty_setting_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        std::fs::write(&path, "mar_rec_x\r\n").expect("written");
        let setting = format!("@{}", path.display());
        let read = token(Some(&setting)).expect("a file");
        assert_eq!(read.as_deref(), Some("mar_rec_x"));
        assert_eq!(
            token(Some("plain")).expect("itself").as_deref(),
            Some("plain")
        );
        assert_eq!(token(Some("")).expect("none"), None);
        assert_eq!(token(None).expect("none"), None);
        std::fs::write(&path, "\n").expect("written");
        assert!(token(Some(&setting)).is_err());
        assert!(token(Some("@/nowhere/at/all")).is_err());
    }
}
