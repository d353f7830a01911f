// The host's functions by their names in WIT. Only a toolchain for components knows these modules; wit/world.wit is what has to be imported.
import * as tracing from "wasi:otel/tracing@0.2.0-rc.2";
import * as logs from "wasi:otel/logs@0.2.0-rc.2";
import * as metrics from "wasi:otel/metrics@0.2.0-rc.2";
import * as clock from "wasi:clocks/wall-clock@0.2.0";
import * as random from "wasi:random/random@0.2.0";

export const host = { tracing, logs, metrics, clock, random };
