//! Counts per value, each field counted without its own filter.

use super::query::Parameters;
use crate::problem::{Fault, Problem};
use crate::reading::Reading;
use entry::Filter;
use entry::field::Field;
use entry::words::nearest;
use serde::Serialize;
use std::collections::BTreeMap;
use store::view::Facet;

/// Values of a facet where the caller names no number.
pub const TOP_DEFAULT: usize = 10;
/// The most values of one facet: a list longer than that is searched, not read.
pub const TOP_MAX: usize = 1_000;
/// What is counted where the caller names no field: the facets of the page.
pub const FIELDS_DEFAULT: &[Field] = &[
    Field::Result,
    Field::Category,
    Field::TargetType,
    Field::Action,
    Field::Actor,
    Field::Organization,
    Field::Project,
    Field::Ip,
    Field::Source,
];

/// Which fields, and how many values of each.
#[derive(Clone, Debug)]
pub struct FacetQuery {
    pub fields: Vec<Field>,
    pub top: usize,
}

/// Counts under one filter.
#[derive(Clone, Debug)]
pub struct Facets {
    /// Entries under the whole filter.
    pub total: u64,
    pub as_of: Option<u64>,
    pub facets: Vec<Facet>,
}

impl FacetQuery {
    pub const PARAMETERS: &[&str] = &["fields", "top"];

    pub fn parse(parameters: &mut Parameters, faults: &mut Vec<Fault>) -> Self {
        let mut fields = Vec::new();
        for name in parameters
            .all("fields")
            .iter()
            .flat_map(|names| names.split(','))
            .map(str::trim)
        {
            match Field::parse(name) {
                Some(field) if fields.contains(&field) => {}
                Some(field) => fields.push(field),
                None => {
                    let near = nearest(name, Field::ALL.iter().map(|field| field.name()))
                        .map(str::to_owned);
                    faults.push(
                        Fault::parameter("fields", format!("no field {name:?}")).suggesting(near),
                    );
                }
            }
        }
        if fields.is_empty() {
            fields = FIELDS_DEFAULT.to_vec();
        }
        Self {
            fields,
            top: parameters
                .number("top", 1, TOP_MAX, faults)
                .unwrap_or(TOP_DEFAULT),
        }
    }
}

/// Counts the fields under a filter.
pub fn facets(reading: &Reading, filter: &Filter, wanted: &FacetQuery) -> Result<Facets, Problem> {
    Ok(Facets {
        total: reading.count(filter)?,
        as_of: reading.as_of(filter)?,
        facets: reading.facets(filter, &wanted.fields, wanted.top)?,
    })
}

impl Facets {
    /// The answer of `GET /v1/facets`. A `null` value counts the entries that have none.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Value<'a> {
            value: Option<&'a str>,
            count: u64,
        }
        #[derive(Serialize)]
        struct OneFacet<'a> {
            total: u64,
            distinct: u64,
            values: Vec<Value<'a>>,
        }
        #[derive(Serialize)]
        struct Answer<'a> {
            total: u64,
            as_of: Option<u64>,
            facets: BTreeMap<&'static str, OneFacet<'a>>,
        }
        let facets = self.facets.iter().map(|facet| {
            let values = facet
                .top
                .iter()
                .map(|(value, count)| Value {
                    value: value.as_deref(),
                    count: *count,
                })
                .collect();
            (
                facet.field.name(),
                OneFacet {
                    total: facet.total,
                    distinct: facet.distinct,
                    values,
                },
            )
        });
        let answer = Answer {
            total: self.total,
            as_of: self.as_of,
            facets: facets.collect(),
        };
        serde_json::to_vec(&answer).expect("texts and numbers are JSON")
    }
}
