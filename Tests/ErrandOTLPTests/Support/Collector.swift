// A collector on the loopback interface: a real HTTP server that remembers what it was sent.

#if Web
import Dispatch
import NIOCore
import NIOHTTP1
import NIOPosix
import SwiftProtobuf
import Synchronization

@testable import ErrandOTLP

/// Takes requests on a port of its own and answers them.
final class Collector: Sendable {
    /// One request as it came.
    struct Request: Sendable {
        var uri: String
        var method: HTTPMethod
        var headers: HTTPHeaders
        var body: [UInt8]
    }

    private struct State {
        var requests: [Request] = []
        var answers: [HTTPResponseStatus] = []
        var isSilent = false
    }

    private let state = Mutex(State())
    /// Signalled at every request, for threads that wait.
    let received = DispatchSemaphore(value: 0)
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    /// `answers` one after another, then 200; a silent one never answers.
    init(answers: [HTTPResponseStatus] = [], isSilent: Bool = false) async throws {
        state.withLock { ($0.answers, $0.isSilent) = (answers, isSilent) }
        let bound = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(collector: self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        channel.withLock { $0 = bound }
    }

    var url: String { "http://127.0.0.1:\(channel.withLock { $0?.localAddress?.port } ?? 0)" }
    var requests: [Request] { state.withLock { $0.requests } }

    /// The spans of all requests.
    func spans() throws -> [SpanMessage] {
        try requests.flatMap { request in
            try Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest(serializedBytes: request.body).resourceSpans
                .flatMap(\.scopeSpans).flatMap(\.spans)
        }
    }

    func stop() async throws { try await channel.withLock { $0 }?.close() }

    private func answer(_ request: Request) -> HTTPResponseStatus? {
        state.withLock { state in
            state.requests.append(request)
            guard !state.isSilent else { return nil }
            return state.answers.isEmpty ? .ok : state.answers.removeFirst()
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let collector: Collector
        private var request: Request?

        init(collector: Collector) { self.collector = collector }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): request = Request(uri: head.uri, method: head.method, headers: head.headers, body: [])
            case .body(let buffer): request?.body += Array(buffer.readableBytesView)
            case .end:
                guard let request else { return }
                defer { collector.received.signal() }
                guard let status = collector.answer(request) else { return }
                let head = HTTPResponseHead(version: .http1_1, status: status, headers: ["content-length": "0"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
#endif
