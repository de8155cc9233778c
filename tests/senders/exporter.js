// OpenTelemetry's own JavaScript SDK: records COUNT things and sends them to URL.
import { logs, SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";

const { URL, TOKEN, COUNT, TIME } = process.env;
const exporter = new OTLPLogExporter({ url: URL, headers: { Authorization: `Bearer ${TOKEN}` } });
const provider = new LoggerProvider({
  resource: resourceFromAttributes({ "service.name": "browser" }),
  processors: [new BatchLogRecordProcessor({ exporter, maxExportBatchSize: 64 })],
});
logs.setGlobalLoggerProvider(provider);
const logger = logs.getLogger("audit");
for (let n = 0; n < Number(COUNT); n++) {
  logger.emit({
    timestamp: [Number(TIME) + n, 0],
    eventName: "deleteInstance",
    severityNumber: SeverityNumber.INFO,
    attributes: { "user.id": `u-${n}` },
  });
}
await provider.forceFlush();
await provider.shutdown();
