// A server on the loopback that keeps what it is sent and answers as it is told.

#if Web
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server that plays Sentry, well or badly.
final class Peer: Sendable {
    /// What it does with a request.
    enum Reply: Sendable {
        case answer(UInt, [(String, String)] = [])
        /// The connection stays open, and nothing comes.
        case silence
        /// The connection is closed.
        case hangUp
    }

    /// A request that came in whole.
    struct Request: Sendable {
        var method: String
        var path: String
        var headers: HTTPHeaders
        var body: [UInt8]
    }

    private struct State {
        var requests: [Request] = []
        var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let reply: @Sendable (Int) -> Reply
    private let channel = Mutex<(any Channel)?>(nil)

    /// Starts a server that answers its n-th request (from 0) with `reply(n)`.
    static func start(_ reply: @escaping @Sendable (Int) -> Reply = { _ in .answer(200) }) async throws -> Peer {
        let peer = Peer(reply)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Reader(peer: peer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        peer.channel.withLock { $0 = channel }
        return peer
    }

    private init(_ reply: @escaping @Sendable (Int) -> Reply) { self.reply = reply }

    var port: Int { channel.withLock { $0?.localAddress?.port } ?? 0 }
    var dsn: String { "http://abc123@127.0.0.1:\(port)/42" }
    var requests: [Request] { state.withLock { $0.requests } }

    /// Returns when so many requests have come.
    func wait(for count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.requests.count >= count { return true }
                state.waiters.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Listens no more; its port refuses connections from then on.
    func stop() async throws { try await channel.withLock { $0 }?.close() }

    fileprivate func take(_ request: Request) -> Reply {
        let (number, ready) = state.withLock { state in
            state.requests.append(request)
            let count = state.requests.count
            let ready = state.waiters.filter { $0.count <= count }
            state.waiters.removeAll { $0.count <= count }
            return (count - 1, ready)
        }
        for waiter in ready { waiter.continuation.resume() }
        return reply(number)
    }
}

/// One connection; used on its event loop only.
private final class Reader: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let peer: Peer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(peer: Peer) { self.peer = peer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let part): body.append(contentsOf: part.readableBytesView)
        case .end:
            guard let head else { return }
            switch peer.take(Peer.Request(method: head.method.rawValue, path: head.uri, headers: head.headers, body: body)) {
            case .silence: break
            case .hangUp: context.close(promise: nil)
            case .answer(let status, let headers):
                var fields = HTTPHeaders(headers)
                fields.add(name: "Content-Length", value: "2")
                let response = HTTPResponseHead(version: .http1_1, status: .init(statusCode: Int(status)), headers: fields)
                context.write(wrapOutboundOut(.head(response)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "{}")))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
#endif
