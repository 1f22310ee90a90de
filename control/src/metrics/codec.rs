//! How samples lie in a chunk: deltas of integers as variable-length numbers. A quiet server's sample takes a
//! dozen bytes.

const VERSION: u8 = 1;
/// A chunk of an hour has 240; of a day in minutes, 1440.
const MAX_ROWS: usize = 20_000;
/// Columns at most.
const MAX_COLUMNS: usize = 32;

/// One sample: Unix milliseconds and its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// In the order of [`SERVER`] or [`NODE`].
    pub values: Vec<i64>,
}

/// Columns of a server. `cpu_centi` is hundredths of a percent; rx, tx and io count since the container began.
pub const SERVER: [&str; 10] = [
    "cpu_centi",
    "memory_bytes",
    "memory_limit_bytes",
    "rx_bytes",
    "tx_bytes",
    "disk_bytes",
    "io_read_bytes",
    "io_write_bytes",
    "pids",
    "uptime_ms",
];

/// Columns of a node. `load1_centi` is hundredths; rx and tx count since the machine booted.
pub const NODE: [&str; 9] = [
    "cpu_centi",
    "memory_used_bytes",
    "memory_total_bytes",
    "disk_used_bytes",
    "disk_total_bytes",
    "rx_bytes",
    "tx_bytes",
    "load1_centi",
    "containers",
];

/// Packs rows. All have the same number of columns.
#[must_use]
pub fn pack(rows: &[Row]) -> Vec<u8> {
    let columns = rows.first().map_or(0, |r| r.values.len());
    let mut out = vec![VERSION];
    put(&mut out, columns as i64);
    put(&mut out, rows.len() as i64);
    let mut at = 0;
    let mut last = vec![0; columns];
    for row in rows {
        put(&mut out, row.at_ms.wrapping_sub(at));
        at = row.at_ms;
        for (value, last) in row.values.iter().zip(&mut last) {
            put(&mut out, value.wrapping_sub(*last));
            *last = *value;
        }
    }
    out
}

/// Reads rows; what is damaged ends the list.
#[must_use]
pub fn unpack(bytes: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    walk(bytes, |at_ms, values| {
        rows.push(Row {
            at_ms,
            values: values.to_vec(),
        });
    });
    rows
}

/// Reads the last two rows, in their order. All before them have to be gone through, but none is kept.
#[must_use]
pub fn last_two(bytes: &[u8]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(2);
    walk(bytes, |at_ms, values| {
        if rows.len() < 2 {
            let values = values.to_vec();
            rows.push(Row { at_ms, values });
            return;
        }
        rows.swap(0, 1);
        if let Some(last) = rows.last_mut() {
            last.at_ms = at_ms;
            last.values.copy_from_slice(values);
        }
    });
    rows
}

fn walk(bytes: &[u8], mut each: impl FnMut(i64, &[i64])) {
    let Some((&VERSION, mut rest)) = bytes.split_first() else {
        return;
    };
    let mut head = || usize::try_from(take(&mut rest)?).ok();
    let (Some(columns), Some(count)) = (head(), head()) else {
        return;
    };
    if columns > MAX_COLUMNS || count > MAX_ROWS {
        return;
    }
    let mut at = 0i64;
    let mut last = vec![0i64; columns];
    for _ in 0..count {
        let Some(step) = take(&mut rest) else { return };
        at = at.wrapping_add(step);
        for value in &mut last {
            let Some(step) = take(&mut rest) else { return };
            *value = value.wrapping_add(step);
        }
        each(at, &last);
    }
}

fn put(out: &mut Vec<u8>, n: i64) {
    #[expect(clippy::cast_sign_loss, reason = "zigzag")]
    let mut zigzag = ((n << 1) ^ (n >> 63)) as u64;
    while zigzag >= 0x80 {
        out.push((zigzag & 0x7f) as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

fn take(rest: &mut &[u8]) -> Option<i64> {
    let mut zigzag = 0u64;
    for shift in (0..70).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        zigzag |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            #[expect(clippy::cast_possible_wrap, reason = "zigzag")]
            return Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_take_little() {
        let rows: Vec<Row> = (0..240)
            .map(|i| Row {
                at_ms: 1_700_000_000_000 + i * 15_000,
                values: vec![
                    120 + i % 7,
                    900_000_000 + i * 4096,
                    1 << 30,
                    i * 1000,
                    i * 500,
                    5,
                    0,
                    0,
                    12,
                    i * 15_000,
                ],
            })
            .collect();
        let packed = pack(&rows);
        assert_eq!(unpack(&packed), rows);
        for some in [&rows[..0], &rows[..1], &rows[..2], &rows[..3], &rows] {
            let tail = &some[some.len().saturating_sub(2)..];
            assert_eq!(last_two(&pack(some)), tail);
        }
        assert!(packed.len() < 240 * 24, "{} bytes", packed.len());
    }

    #[test]
    fn extremes_survive_and_damage_does_not_panic() {
        let rows = vec![
            Row {
                at_ms: i64::MIN,
                values: vec![i64::MAX, 0],
            },
            Row {
                at_ms: i64::MAX,
                values: vec![i64::MIN, -1],
            },
        ];
        let packed = pack(&rows);
        assert_eq!(unpack(&packed), rows);
        for cut in 0..packed.len() {
            let _ = unpack(&packed[..cut]);
        }
        assert!(
            unpack(&[
                VERSION, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f
            ])
            .is_empty()
        );
    }
}
