// The way to the collector.

#if Web
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Posts bodies and tells what came back.
protocol SpanTransport: Sendable {
    /// Posts one body; returns when it is answered, when it cannot be, or when the task is cancelled.
    func post(_ body: [UInt8]) async -> ExportAnswer
}

/// What a collector answered.
enum ExportAnswer: Sendable, Equatable {
    /// An HTTP response.
    case response(status: Int, retryAfter: String?, body: [UInt8])
    /// None.
    case unreachable(reason: String)
}

/// Posts over HTTP, on connections that are kept open.
struct HTTPSpanTransport: SpanTransport {
    /// One client for the process, never shut down: shutting one down while a cancelled request is still being put away trapped in its
    /// connection pool (async-http-client 1.37.0). Idle connections close after a minute.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        // The client would begin a span for each request, which would be sent with a request, which would begin a span.
        configuration.tracing.tracer = nil
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private let request: HTTPClientRequest
    private let timeout: Duration

    /// How much of an answer is read: what it says beyond that is of no use here.
    private static let answerLimit = 64 << 10

    init(_ settings: OTLPSettings) {
        var request = HTTPClientRequest(url: settings.endpoint.url)
        request.method = .POST
        for (name, value) in settings.headers { request.headers.add(name: name, value: value) }
        request.headers.replaceOrAdd(name: "content-type", value: "application/x-protobuf")
        if !request.headers.contains(name: "user-agent") {
            request.headers.add(name: "user-agent", value: "OTel-OTLP-Exporter-Errand/\(ErrandVersion.current)")
        }
        self.request = request
        timeout = settings.timeout
    }

    func post(_ body: [UInt8]) async -> ExportAnswer {
        var request = request
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await HTTPSpanTransport.client.execute(request, timeout: .nanoseconds(timeout.wholeMicroseconds * 1000))
            let answer = try await response.body.collect(upTo: HTTPSpanTransport.answerLimit)
            return .response(
                status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after"),
                body: Array(answer.readableBytesView))
        } catch {
            return .unreachable(reason: "\(error)")
        }
    }
}
#endif
