// Posts envelopes to one server.

#if Web
import AsyncHTTPClient
import Errand
import NIOCore
import NIOHTTP1
import Synchronization

/// The way to one server, over connections that all reporters of the process share.
struct SentryConnection {
    let dsn: SentryDSN

    /// How long one envelope may take in all, connecting and the whole answer included: 10 seconds.
    private static let requestLimit = TimeAmount.seconds(10)

    /// One client for the process, never shut down, as the library's own shared one: shutting a client down while a cancelled request
    /// is still being put away trapped in its connection pool (async-http-client 1.37.0). Idle connections close after a minute.
    private static let client: HTTPClient = {
        // No redirects: the key is for this server only.
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)))
        // Reports are nobody's spans.
        configuration.tracing.tracer = nil
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// Posts an envelope; one attempt. Connecting alone is repeated by the client as long as there is time.
    /// - Throws: What the HTTP client says about a server that was not reached or did not answer in time, and about a cancellation.
    func post(_ envelope: SentryEnvelope) async throws -> Answer {
        let headers: HTTPHeaders = [
            "Content-Type": SentryEnvelope.contentType, "User-Agent": SentryConnection.agent, "X-Sentry-Auth": authentication,
        ]
        let request = try HTTPClient.Request(
            url: dsn.envelopeURL, method: .POST, headers: headers, body: .byteBuffer(ByteBuffer(bytes: envelope.bytes)))
        // The client's form with futures: its deadline holds until the answer's last byte, and it fires on the client's own threads,
        // also while every thread of the pool is blocked.
        let task = SentryConnection.client.execute(
            request: request, delegate: AnswerReader(), deadline: .now() + SentryConnection.requestLimit)
        return try await withTaskCancellationHandler {
            try await task.get()
        } onCancel: {
            task.cancel()
        }
    }

    private static let agent = "errand/\(ErrandVersion.current)"

    private var authentication: String {
        "Sentry sentry_version=7, sentry_client=\(SentryConnection.agent), sentry_key=\(dsn.publicKey)"
    }
}

extension SentryConnection {
    /// What a server said to an envelope.
    struct Answer: Sendable {
        var status: Int
        /// The values of `X-Sentry-Rate-Limits`.
        var rateLimits: [String]
        var retryAfter: String?
        /// The value of `X-Sentry-Error`.
        var reason: String?

        var isAccepted: Bool { (200..<300).contains(status) }
    }

    /// Keeps the head of an answer and lets its body pass by.
    private final class AnswerReader: HTTPClientResponseDelegate {
        private let answer = Mutex<Answer?>(nil)

        func didReceiveHead(task: HTTPClient.Task<Answer>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
            answer.withLock {
                $0 = Answer(
                    status: Int(head.status.code), rateLimits: head.headers["X-Sentry-Rate-Limits"],
                    retryAfter: head.headers.first(name: "Retry-After"), reason: head.headers.first(name: "X-Sentry-Error"))
            }
            return task.eventLoop.makeSucceededVoidFuture()
        }

        func didFinishRequest(task: HTTPClient.Task<Answer>) throws -> Answer {
            guard let answer = answer.withLock({ $0 }) else { throw HTTPClientError.remoteConnectionClosed }
            return answer
        }
    }
}
#endif
