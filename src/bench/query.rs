//! The queries of the page, over HTTP, one after the other, with many distinct values.

use super::ingest::megabytes;
use super::latency::Latency;
use super::server::Server;
use super::workload::{
    self, Numbers, ORGANIZATIONS, PROJECTS, SPAN_MICROS, START_MICROS, USERS, Workload,
};
use super::{Failed, Figure, Measured, figure};
use entry::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Calls before them, with other values, which are not counted: the figures are of a warm server.
const WARM: u64 = 20;

const FIRST_PAGE: &str = "p99 ≤ 20 ms";
const SIDEBAR: &str = "≤ 50 ms";
const FACETS: &str = "/v1/facets?fields=result,target_type,action,actor,project,ip,source&top=10";

/// One question: what it is called, its bar, and the calls that make one sample, for the `n`th value.
struct Question {
    what: &'static str,
    bar: &'static str,
    calls: fn(&Asked) -> Vec<String>,
}

/// What a question is asked with.
struct Asked<'a> {
    n: u64,
    /// A random number of its own for each `n`.
    random: Numbers,
    workload: &'a Workload,
}

const QUESTIONS: &[Question] = &[
    Question {
        what: "first page: no filter",
        bar: FIRST_PAGE,
        calls: |_| list("limit=50"),
    },
    Question {
        what: "first page: category",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("category={}", q.category())),
    },
    Question {
        what: "first page: category and failure",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("category={}&result=failure", q.category())),
    },
    Question {
        what: "first page: target type",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("target_type={}", TARGET_TYPES[q.n as usize % 7])),
    },
    Question {
        what: "first page: failures",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("result=failure&{}", q.since())),
    },
    Question {
        what: "first page: action",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("action={}", ACTIONS[q.n as usize % ACTIONS.len()])),
    },
    Question {
        what: "first page: organization",
        bar: FIRST_PAGE,
        calls: |q| list(&q.organization()),
    },
    Question {
        what: "first page: organization and project",
        bar: FIRST_PAGE,
        calls: |q| list(&q.project()),
    },
    Question {
        what: "first page: actor",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("actor={}", encode(&workload::user_name(q.user())))),
    },
    Question {
        what: "first page: actor with no entries",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("actor=nobody-{}", q.n)),
    },
    Question {
        what: "first page: email",
        bar: FIRST_PAGE,
        calls: |q| {
            list(&format!(
                "email={}",
                encode(&workload::user_email(q.user()))
            ))
        },
    },
    Question {
        what: "first page: target",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("target={}", encode(&q.cluster()))),
    },
    Question {
        what: "first page: network (CIDR)",
        bar: FIRST_PAGE,
        calls: |q| {
            list(&format!(
                "ip={}",
                encode(&format!("10.{}.0.0/16", q.n % 256))
            ))
        },
    },
    Question {
        what: "first page: a day of the 90",
        bar: FIRST_PAGE,
        calls: |q| list(&q.day()),
    },
    Question {
        what: "first page: search, common",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("search={}", workload::word(q.n))),
    },
    Question {
        what: "first page: search, rare",
        bar: FIRST_PAGE,
        calls: |q| {
            list(&format!(
                "search={}",
                encode(&workload::user_email(USERS - 1 - q.n * 7))
            ))
        },
    },
    Question {
        what: "first page: search, none",
        bar: FIRST_PAGE,
        calls: |q| list(&format!("search=qqx{}", q.n)),
    },
    Question {
        what: "first page: search and failures of one organization",
        bar: FIRST_PAGE,
        calls: |q| {
            list(&format!(
                "search={}&result=failure&{}",
                workload::word(q.n),
                q.organization()
            ))
        },
    },
    Question {
        what: "first page: query text with context",
        bar: FIRST_PAGE,
        calls: |q| {
            list(&format!(
                "q={}",
                encode(&format!(
                    "context.team:{} action:scale* -result:failure",
                    workload::word(q.n * 11)
                ))
            ))
        },
    },
    Question {
        what: "first page: a word of context",
        bar: FIRST_PAGE,
        calls: |q| {
            list(&format!(
                "q={}",
                encode(&format!("\"{}\"", workload::word(q.n * 13)))
            ))
        },
    },
    Question {
        what: "request ID",
        bar: "≤ 5 ms",
        calls: |q| list(&format!("request_id={}", workload::request_id(q.entry()))),
    },
    Question {
        what: "one entry by its ID",
        bar: "",
        calls: |q| vec![format!("/v1/entries/{}", q.id())],
    },
    Question {
        what: "count of a two-term filter",
        bar: "",
        calls: |q| {
            vec![format!(
                "/v1/facets?fields=result&top=2&action={}&{}",
                ACTIONS[q.n as usize % ACTIONS.len()],
                q.organization()
            )]
        },
    },
    Question {
        what: "facets + histogram: everything",
        bar: SIDEBAR,
        calls: |_| sidebar(""),
    },
    Question {
        what: "facets + histogram: half of everything",
        bar: SIDEBAR,
        calls: |q| sidebar(&q.half()),
    },
    Question {
        what: "facets + histogram: one organization",
        bar: SIDEBAR,
        calls: |q| sidebar(&q.organization()),
    },
    Question {
        what: "facets + histogram: failures",
        bar: SIDEBAR,
        calls: |q| sidebar(&format!("result=failure&{}", q.since())),
    },
    Question {
        what: "facets + histogram: search, common",
        bar: SIDEBAR,
        calls: |q| sidebar(&format!("search={}", workload::word(q.n))),
    },
    Question {
        what: "the page itself, last 7 days",
        bar: "≤ 50 ms",
        calls: |q| vec![format!("/?from={}", q.instant(83 * DAY + q.n as i64))],
    },
];

const TARGET_TYPES: [&str; 7] = [
    "cluster",
    "instance",
    "config_profile",
    "alert",
    "user",
    "role",
    "webhook",
];
const CATEGORIES: [&str; 6] = [
    "cluster",
    "instance",
    "config",
    "alert",
    "access_control",
    "webhook",
];
const ACTIONS: [&str; 12] = [
    "createCluster",
    "deleteCluster",
    "scaleCluster",
    "applyConfigProfile",
    "startInstance",
    "stopInstance",
    "restartInstance",
    "createUser",
    "deleteUser",
    "updateRole",
    "createAlertRule",
    "createWebhook",
];
const DAY: i64 = 86_400 * 1_000_000;

impl Asked<'_> {
    fn any(&self, n: u64) -> u64 {
        self.random.clone().below(n)
    }

    fn user(&self) -> u64 {
        self.random.clone().zipf(USERS)
    }

    fn entry(&self) -> u64 {
        self.any(self.workload.entries)
    }

    fn category(&self) -> &'static str {
        CATEGORIES[self.n as usize % CATEGORIES.len()]
    }

    fn organization(&self) -> String {
        match self.workload.logs {
            workload::Logs::PerOrganization => format!(
                "organization={}",
                workload::organization(self.n % ORGANIZATIONS)
            ),
            workload::Logs::One => format!(
                "project={}%2F*",
                workload::organization(self.n % ORGANIZATIONS)
            ),
        }
    }

    fn project(&self) -> String {
        let (at, number) = (self.n % ORGANIZATIONS, self.n / ORGANIZATIONS % PROJECTS);
        let project = workload::project(at, number);
        match self.workload.logs {
            workload::Logs::PerOrganization => format!("{}&project={project}", self.organization()),
            workload::Logs::One => format!("project={}%2F{project}", workload::organization(at)),
        }
    }

    fn cluster(&self) -> String {
        workload::cluster_name(self.n % ORGANIZATIONS, self.random.clone().zipf(600))
    }

    fn id(&self) -> String {
        let mut json = Vec::new();
        self.workload.write_json(self.entry(), &mut json);
        let json = String::from_utf8(json).expect("the workload is text");
        json.split('"')
            .nth(3)
            .expect("the id comes first")
            .to_owned()
    }

    fn instant(&self, micros: i64) -> String {
        let at = Timestamp::from_micros(START_MICROS + micros).expect("within the 90 days");
        encode(&at.to_string())
    }

    /// Half of the 90 days, another half for each `n`.
    fn half(&self) -> String {
        let from = SPAN_MICROS / 400 * (self.n % 200) as i64;
        format!(
            "from={}&to={}",
            self.instant(from),
            self.instant(from + SPAN_MICROS / 2)
        )
    }

    fn since(&self) -> String {
        format!(
            "from={}",
            self.instant(SPAN_MICROS / 400 * (self.n % 200) as i64)
        )
    }

    fn day(&self) -> String {
        let from = DAY / 4 * (self.n % 350) as i64;
        format!(
            "from={}&to={}",
            self.instant(from),
            self.instant(from + DAY)
        )
    }
}

fn list(filter: &str) -> Vec<String> {
    vec![format!("/v1/entries?{filter}")]
}

fn sidebar(filter: &str) -> Vec<String> {
    let and = if filter.is_empty() { "" } else { "&" };
    vec![
        format!("{FACETS}{and}{filter}"),
        format!("/v1/histogram?buckets=90{and}{filter}"),
    ]
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Asks every question on the directory of this size.
pub(super) fn measure(measured: &Measured) -> Result<Vec<Figure>, Failed> {
    let workload = measured.workload();
    let server = Server::start(&measured.dir())?;
    let mut figures = Vec::new();
    for question in QUESTIONS {
        let mut latency = Latency::default();
        for n in 0..WARM + measured.calls {
            // The warming calls come from the end of the values, the counted ones from the beginning.
            let n = if n < WARM {
                measured.calls + n
            } else {
                n - WARM
            };
            let asked = Asked {
                n,
                random: Numbers::new(n),
                workload: &workload,
            };
            let calls = (question.calls)(&asked);
            let ask = || calls.iter().try_for_each(|path| server.get(path).map(drop));
            if n < measured.calls {
                latency.time(ask)?
            } else {
                ask()?
            };
        }
        figures.push(figure(question.what, question.bar, latency.shown()));
    }
    let memory = server.memory()?;
    figures.push(figure(
        "memory after these queries",
        "≤ 512 MB resident",
        format!(
            "{} resident ({} own, the rest mapped files)",
            megabytes(memory.resident),
            megabytes(memory.anonymous)
        ),
    ));
    server.stop()?;
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use workload::Logs;

    #[test]
    fn distinct_values_are_asked_and_every_name_has_one_row() {
        let workload = Workload::new(1_000_000, Logs::PerOrganization);
        let asked = |n| Asked {
            n,
            random: Numbers::new(n),
            workload: &workload,
        };
        for question in QUESTIONS.iter().filter(|q| {
            ["actor", "request ID", "search, rare"]
                .iter()
                .any(|w| q.what.ends_with(w))
        }) {
            let distinct: std::collections::HashSet<_> =
                (0..200).map(|n| (question.calls)(&asked(n))).collect();
            assert!(
                distinct.len() > 60,
                "{}: {} values",
                question.what,
                distinct.len()
            );
        }
        let names: std::collections::HashSet<_> =
            QUESTIONS.iter().map(|question| question.what).collect();
        assert_eq!(names.len(), QUESTIONS.len());
    }
}
