//! Azure: by its table, but for what AKS sends, which is Kubernetes' own audit event in a record of Azure's.

use crate::foreign::{Claims, Fate, Item, Layout, Mapper};
use crate::kubernetes::{self, Kubernetes};
use crate::table::Table;
use entry::json;
use std::sync::Arc;

/// See the module.
pub struct Azure {
    table: Arc<Table>,
    claims: Claims,
    kubernetes: Kubernetes,
}

impl Azure {
    pub fn new(table: Arc<Table>, claims: Claims) -> Self {
        Self {
            table,
            kubernetes: Kubernetes::new(claims.clone()),
            claims,
        }
    }
}

impl Mapper for Azure {
    fn layout(&self) -> Layout {
        self.table.layout()
    }

    fn take(&mut self, item: Item, header: &[u8], done: &mut dyn FnMut(Item, Fate)) {
        let of_kubernetes =
            json::parse(&item.raw).is_ok_and(|value| kubernetes::recognises(value, &[]));
        match of_kubernetes {
            true => self.kubernetes.take(item, header, done),
            false => self.table.take(&self.claims, item, header, done),
        }
    }

    fn release(&mut self, last: u64, done: &mut dyn FnMut(Item, Fate)) {
        self.kubernetes.release(last, done);
    }

    fn finish(&mut self, done: &mut dyn FnMut(Item, Fate)) {
        self.kubernetes.finish(done);
    }
}
