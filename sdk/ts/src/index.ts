export { start, Otel, type ActiveSpanOptions, type Options, type Work } from "./otel.js";
export { HostContextManager, hostSpanContext } from "./context.js";
export { HostIdGenerator } from "./ids.js";
export { Link, type Stats } from "./link.js";
export { HostLogRecordProcessor } from "./logs.js";
export { HostMetricReader, type MetricOptions } from "./metrics.js";
export { HostSpanProcessor } from "./trace.js";
export { bytesPrefix, toJSON } from "./value.js";
export type * from "./imports.js";
