//! One segment from several of one log, contiguous in seq, section by section.

use super::bits::Packed;
use super::group::Group;
use super::layout::{LayoutWriter, Meta, Part, Section};
use super::postings::PostingsWriter;
use super::rest::BlocksWriter;
use super::salted::{SEED_BYTES, SaltedWriter};
use super::texts::{Texts, TextsWriter};
use super::write::{
    GroupColumn, write_blocks, write_ids, write_numbers, write_order, write_salted, write_tokens,
};
use super::{Segment, check, identity};
use crate::Error;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write;
use std::sync::Arc;

/// Blocks of less than this on average are packed anew rather than copied.
const COPY_BLOCK_BYTES_MIN: u64 = 6 * 1024;
/// A dictionary for fewer entries than this is not carried on.
const COPY_ENTRIES_PER_DICTIONARY_MIN: u64 = 8 * 1024;

/// Which row of which input each new row is.
struct Rows {
    /// Where each input's rows begin when all inputs' are counted through; one more than inputs.
    starts: Vec<u32>,
    /// New row to counted-through old row.
    old: Vec<u32>,
    /// Counted-through old row to new row.
    new: Vec<u32>,
}

impl Rows {
    /// Rows in order of (timestamp, seq): the sort is stable, and inputs come in order of seq.
    fn of(inputs: &[Arc<Segment>]) -> Rows {
        let mut starts = vec![0];
        let mut timestamps = Vec::new();
        for input in inputs {
            let column = input.timestamps();
            timestamps.extend((0..input.len()).map(|row| column.get(row)));
            starts.push(timestamps.len() as u32);
        }
        let mut old: Vec<u32> = (0..timestamps.len() as u32).collect();
        old.sort_by_key(|row| timestamps[*row as usize]);
        let mut new = vec![0; old.len()];
        for (row, old) in old.iter().enumerate() {
            new[*old as usize] = row as u32;
        }
        Rows { starts, old, new }
    }

    fn ordinals(&self, inputs: &[Arc<Segment>]) -> Vec<u32> {
        let mut of_old = Vec::with_capacity(self.old.len());
        for (input, start) in inputs.iter().zip(&self.starts) {
            of_old.extend((0..input.len()).map(|row| start + input.ordinal_of(row)));
        }
        self.old.iter().map(|old| of_old[*old as usize]).collect()
    }
}

/// Writes the segment of all entries of `inputs`. Damage found in an input is told, with its path.
pub fn write(inputs: &[Arc<Segment>], out: &mut dyn Write) -> Result<(), Error> {
    // Damage must not be copied into a file that would vouch for it.
    for input in inputs {
        if let Some(damage) = check::damage(input).next() {
            return Err(input.damaged(damage));
        }
    }
    let mut out = LayoutWriter::new(out);
    write_blocks(blocks(inputs)?, &mut out)?;
    out.section(
        Section::of(Part::EntryCrcs),
        &fixed(inputs, Part::EntryCrcs, 4)?,
    )?;
    write_merged_salted(inputs, &mut out)?;
    write_merged_ids(inputs, &mut out)?;
    let received = inputs.iter().flat_map(|input| {
        let column = input.received();
        (0..input.len()).map(move |ordinal| column.get(ordinal))
    });
    write_numbers(Part::Received, received, &mut out)?;
    let rows = Rows::of(inputs);
    write_order(&rows.ordinals(inputs), &mut out)?;
    let timestamps = rows.old.iter().map(|old| {
        let input = rows.starts.partition_point(|start| start <= old) - 1;
        inputs[input].timestamps().get(old - rows.starts[input])
    });
    write_numbers(Part::Timestamps, timestamps, &mut out)?;
    for group in Group::ALL {
        column(group, inputs, &rows).write(&mut out)?;
    }
    write_merged_tokens(inputs, &rows, &mut out)?;
    out.finish(&meta(inputs))
}

fn meta(inputs: &[Arc<Segment>]) -> Meta {
    let first = inputs[0].meta();
    let mut meta = first.clone();
    for input in &inputs[1..] {
        let other = input.meta();
        meta.len += other.len;
        meta.received.1 = other.received.1;
        meta.timestamps = (
            meta.timestamps.0.min(other.timestamps.0),
            meta.timestamps.1.max(other.timestamps.1),
        );
        meta.ids = (meta.ids.0.min(other.ids.0), meta.ids.1.max(other.ids.1));
    }
    meta
}

/// True if an input's blocks are worth copying as they are.
fn is_packed(input: &Segment) -> bool {
    let blocks = input.blocks();
    let at = |n| {
        blocks
            .at(n)
            .map_or((0, 0), |at| (u64::from(at.raw), u64::from(at.dictionary)))
    };
    let (raw, compressed) = (0..blocks.len())
        .map(at)
        .fold((0, true), |(sum, all), (raw, dictionary)| {
            (sum + raw, all && dictionary > 0)
        });
    let dictionaries = blocks.each_dictionary().count() as u64;
    compressed
        && raw >= blocks.len() as u64 * COPY_BLOCK_BYTES_MIN
        && u64::from(input.len()) >= dictionaries * COPY_ENTRIES_PER_DICTIONARY_MIN
}

fn blocks(inputs: &[Arc<Segment>]) -> Result<BlocksWriter, Error> {
    let mut writer = BlocksWriter::default();
    for run in inputs.chunk_by(|a, b| is_packed(a) == is_packed(b)) {
        if is_packed(&run[0]) {
            for input in run {
                let copied = writer.copy(&input.blocks(), input.len());
                copied.ok_or_else(|| input.damaged("a block of entries does not give its CRC"))?;
            }
            continue;
        }
        let mut parts = Vec::new();
        for input in run {
            for block in 0..input.blocks().len() {
                parts.push(input.read_block(block)?);
            }
        }
        let all: Vec<&[u8]> = parts.iter().flat_map(|block| block.parts()).collect();
        writer.compress(&all);
        all.iter().for_each(|part| writer.push(part));
    }
    Ok(writer)
}

/// A section of so many bytes per entry, of all inputs.
fn fixed(inputs: &[Arc<Segment>], part: Part, bytes: usize) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    for input in inputs {
        let of_input = input.section(Section::of(part));
        if of_input.len() != input.len() as usize * bytes {
            return Err(input.damaged(format!("its {part:?} are not of {} entries", input.len())));
        }
        all.extend_from_slice(of_input);
    }
    Ok(all)
}

fn write_merged_salted(inputs: &[Arc<Segment>], out: &mut LayoutWriter<'_>) -> Result<(), Error> {
    let mut salted = SaltedWriter::default();
    for input in inputs {
        let of_input = input.salted();
        if of_input.seeds.len() != input.len() as usize * SEED_BYTES {
            return Err(input.damaged(format!("its seeds are not of {} entries", input.len())));
        }
        salted.copy(&of_input);
    }
    write_salted(&salted, out)
}

fn write_merged_ids(inputs: &[Arc<Segment>], out: &mut LayoutWriter<'_>) -> Result<(), Error> {
    let ids = fixed(inputs, Part::Ids, 16)?;
    write_ids(&ids, &identity::order(&ids), out)
}

fn column(group: Group, inputs: &[Arc<Segment>], rows: &Rows) -> GroupColumn {
    let dictionaries: Vec<Texts<'_>> = inputs.iter().map(|input| input.records(group)).collect();
    let mut records = TextsWriter::default();
    let mut places: Vec<Vec<u32>> = dictionaries
        .iter()
        .map(|texts| vec![0; texts.len() as usize])
        .collect();
    merge(&dictionaries, |record, of| {
        for (input, at) in of {
            places[*input][*at as usize] = records.len();
        }
        records.push(record);
    });
    let mut forward = vec![0u32; rows.old.len()];
    for (at, input) in inputs.iter().enumerate() {
        let places = &places[at];
        let column: Packed<'_> = input.forward(group);
        let mut row = rows.starts[at] as usize;
        column.for_each(0..input.len(), |record| {
            forward[rows.new[row] as usize] = places.get(record as usize).copied().unwrap_or(0);
            row += 1;
        });
    }
    GroupColumn {
        group,
        records,
        forward,
    }
}

fn write_merged_tokens(
    inputs: &[Arc<Segment>],
    rows: &Rows,
    out: &mut LayoutWriter<'_>,
) -> Result<(), Error> {
    let dictionaries: Vec<Texts<'_>> = inputs.iter().map(|input| input.tokens()).collect();
    let postings: Vec<_> = inputs.iter().map(|input| input.token_rows()).collect();
    let mut tokens = TextsWriter::default();
    let mut writer = PostingsWriter::new(rows.old.len() as u32);
    let mut list = Vec::new();
    merge(&dictionaries, |token, of| {
        list.clear();
        for (input, at) in of {
            let start = rows.starts[*input];
            let new = &rows.new[start as usize..rows.starts[*input + 1] as usize];
            postings[*input]
                .list(*at)
                .for_each(&mut |row| list.extend(new.get(row as usize)));
        }
        if !list.is_sorted_by(|a, b| a < b) {
            list.sort_unstable();
            list.dedup();
        }
        tokens.push(token);
        writer.push(&list);
    });
    write_tokens(&tokens, writer, out)
}

/// Visits every distinct text of sorted dictionaries in order, with the dictionaries that hold it and its places there.
fn merge(dictionaries: &[Texts<'_>], mut visit: impl FnMut(&[u8], &[(usize, u32)])) {
    let mut heap: BinaryHeap<Reverse<(&[u8], usize, u32)>> = dictionaries
        .iter()
        .enumerate()
        .filter(|(_, texts)| texts.len() > 0)
        .map(|(input, texts)| Reverse((texts.get(0), input, 0)))
        .collect();
    let mut of = Vec::new();
    while let Some(Reverse((text, _, _))) = heap.peek() {
        let text = *text;
        of.clear();
        while let Some(mut top) = heap.peek_mut() {
            let Reverse((next, input, at)) = *top;
            if next != text {
                break;
            }
            of.push((input, at));
            let texts = dictionaries[input];
            match at + 1 < texts.len() {
                true => *top = Reverse((texts.get(at + 1), input, at + 1)),
                false => {
                    std::collections::binary_heap::PeekMut::pop(top);
                }
            }
        }
        visit(text, &of);
    }
}
