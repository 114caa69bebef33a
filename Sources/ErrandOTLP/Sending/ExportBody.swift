// The body of one export request.

#if Web
import Errand
import Glibc
import SwiftProtobuf

/// Writes `ExportTraceServiceRequest`, the message of OTLP's trace service.
enum ExportBody {
    /// The encoded request for `spans` of this process.
    /// - Throws: `BinaryEncodingError`, which no span of ours causes.
    static func bytes(_ spans: [SpanMessage], resource: [String: String]) throws -> [UInt8] {
        var scope = Opentelemetry_Proto_Trace_V1_ScopeSpans()
        scope.scope.name = "errand"
        scope.scope.version = ErrandVersion.current
        scope.spans = spans
        var own = Opentelemetry_Proto_Trace_V1_ResourceSpans()
        own.resource.attributes = resource.sorted { $0.key < $1.key }.map { SpanEncoding.pair($0.key, SpanEncoding.text($0.value)) }
        own.resource.attributes.append(SpanEncoding.pair("process.pid", SpanEncoding.number(Int64(getpid()))))
        own.scopeSpans = [scope]
        var request = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest()
        request.resourceSpans = [own]
        return try request.serializedBytes()
    }
}
#endif
