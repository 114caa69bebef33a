// A way to a collector that exists only in the test: answers as told, and remembers what it was given.

#if Web
import SwiftProtobuf
import Synchronization

@testable import ErrandOTLP

/// Answers posts one after another from a list, the last answer for ever; can hold them back.
final class ScriptedTransport: SpanTransport {
    private let state: Mutex<State>

    private struct State {
        var answers: [ExportAnswer]
        var bodies: [[UInt8]] = []
        var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        /// Posts that are held until the test lets them go, or their task is cancelled.
        var holds = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    static let ok = ExportAnswer.response(status: 200, retryAfter: nil, body: [])

    init(_ answers: ExportAnswer..., holds: Bool = false) {
        state = Mutex(State(answers: answers.isEmpty ? [ScriptedTransport.ok] : answers, holds: holds))
    }

    var bodies: [[UInt8]] { state.withLock { $0.bodies } }

    /// The requests so far.
    func requests() throws -> [Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest] {
        try bodies.map { try .init(serializedBytes: $0) }
    }

    /// The spans of all requests so far.
    func spans() throws -> [SpanMessage] { try requests().flatMap(\.resourceSpans).flatMap(\.scopeSpans).flatMap(\.spans) }

    /// Returns once `count` posts have been made in all.
    func waitForPosts(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.bodies.count >= count { return true }
                state.waiters.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Lets all held posts go, and holds no more.
    func letGo() {
        let held = state.withLock { state in
            state.holds = false
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    func post(_ body: [UInt8]) async -> ExportAnswer {
        let (answer, ready) = state.withLock { state in
            state.bodies.append(body)
            let ready = state.waiters.filter { $0.count <= state.bodies.count }
            state.waiters.removeAll { $0.count <= state.bodies.count }
            return (state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0], ready)
        }
        for waiter in ready { waiter.continuation.resume() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.holds, !Task.isCancelled else { return false }
                    state.held.append(continuation)
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            letGo()
        }
        return Task.isCancelled ? .unreachable(reason: "cancelled") : answer
    }
}
#endif
