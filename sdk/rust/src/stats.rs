//! What has become of a component's records.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the providers were made. All of a component's spans and log records are handed over at once, so that these counts are
/// what there is to know of loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans that the host has been told the start of.
    pub spans_started: u64,
    /// Spans that the host has been given.
    pub spans_ended: u64,
    /// Of those, spans that ended while no [`Telemetry::request`](crate::Telemetry::request) was running. A host still takes them, but
    /// may not know what request they belong to. Zero in a component that never uses `request`.
    pub spans_ended_late: u64,
    /// Log records that the host has been given.
    pub log_records: u64,
    /// Data points that the host has taken.
    pub metric_points: u64,
    /// Data points that were left out: beyond the bound of a flush, or the host has refused them.
    pub metric_points_dropped: u64,
}

impl Stats {
    /// Spans that have started and not ended; a span that ends after the shutdown of its provider stays among them.
    pub fn spans_open(&self) -> u64 {
        self.spans_started.saturating_sub(self.spans_ended)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) started: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) logs: AtomicU64,
    pub(crate) points: AtomicU64,
    pub(crate) points_dropped: AtomicU64,
    requests: AtomicU64,
    running: AtomicU64,
}

impl Counters {
    pub(crate) fn stats(&self) -> Stats {
        Stats {
            spans_started: self.started.load(Relaxed),
            spans_ended: self.ended.load(Relaxed),
            spans_ended_late: self.late.load(Relaxed),
            log_records: self.logs.load(Relaxed),
            metric_points: self.points.load(Relaxed),
            metric_points_dropped: self.points_dropped.load(Relaxed),
        }
    }

    pub(crate) fn request_begins(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.running.fetch_add(1, Relaxed);
    }

    pub(crate) fn request_ends(&self) {
        self.running.fetch_sub(1, Relaxed);
    }

    pub(crate) fn span_ends(&self) {
        self.ended.fetch_add(1, Relaxed);
        if self.requests.load(Relaxed) > 0 && self.running.load(Relaxed) == 0 {
            self.late.fetch_add(1, Relaxed);
        }
    }
}
