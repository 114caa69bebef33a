// The rows that find one job for all: work that many share and that the first or the last caller happened to start.

import ErrandContext
import ErrandTesting
import Synchronization
import Testing

/// What keeps its first or last caller's identity unless it is started by nobody, with a snapshot for each item.
let sharingMechanisms = [
    Mechanism(
        "memoised Task shared by all jobs", unbound: .oneForAll, sharing: { _ in Memo() },
        plain: { player, memo in await memo.answerEverybody(asking: player) },
        bound: { player, memo in try await memo.answerEverybodyBound(asking: player) }),
    Mechanism(
        "batching service flushed by the last caller", unbound: .oneForAll, sharing: { Batch(size: $0) },
        plain: { player, batch in for item in batch.add(Carried(player)) { item.value.say() } },
        bound: { player, batch in for item in batch.add(Carried(player)) { item.run { $0.say() } } }),
    Mechanism(
        "lazy flusher started by the first job", unbound: .oneForAll, sharing: { Flusher(jobs: $0) },
        plain: { player, flusher in flusher.handle(player) },
        bound: { player, flusher in flusher.handleBound(player) }),
    Mechanism(
        "lazy static let", unbound: .oneForAll, playsOnce: true, sharing: { $0 },
        plain: { player, jobs in
            FirstUse.waiting[jobs]?.plain.add(Carried(player))
            await player.meet()
            #expect(FirstUse.touch(jobs: jobs))
        },
        bound: { player, jobs in
            FirstUse.waiting[jobs]?.left.add(Carried(player))
            await player.meet()
            #expect(FirstUse.touchBound(jobs: jobs))
        }),
]

/// Work for everybody who asks, done once.
private final class Memo: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let askers = Askers()
    private let shared: SharedWork<OneValue, Bool>

    init() {
        let askers = askers
        shared = SharedWork {
            #expect(ExecutionContext.current == nil)
            for asker in askers.all { asker.run { $0.say() } }
            return true
        }
    }

    func answerEverybody(asking player: Player) async {
        askers.add(Carried(player))
        await player.meet()
        let task = task.withLock { task in
            let running = task ?? Task { [askers] in for asker in askers.all { asker.value.say() } }
            task = running
            return running
        }
        await task.value
    }

    func answerEverybodyBound(asking player: Player) async throws {
        askers.add(Carried(player))
        await player.meet()
        _ = try await shared.value()
    }
}

/// Who asked, with who that was.
private final class Askers: Sendable {
    private let state = Mutex<[Carried<Player>]>([])

    var all: [Carried<Player>] { state.withLock { $0 } }

    func add(_ asker: Carried<Player>) { state.withLock { $0.append(asker) } }
}

/// Gives everything back at once, to the caller that makes it full.
private final class Batch: Sendable {
    private let size: Int
    private let items = Mutex<[Carried<Player>]>([])

    init(size: Int) { self.size = size }

    func add(_ item: Carried<Player>) -> [Carried<Player>] {
        items.withLock { items in
            items.append(item)
            return items.count == size ? items : []
        }
    }
}

/// Handles items in a loop that the first caller starts.
private final class Flusher: Sendable {
    private let jobs: Int
    private let stream: AsyncStream<Carried<Player>>
    private let continuation: AsyncStream<Carried<Player>>.Continuation
    private let items = Mutex(0)

    init(jobs: Int) {
        self.jobs = jobs
        (stream, continuation) = AsyncStream.makeStream()
    }

    func handle(_ player: Player) {
        add(player) { Task { [stream] in for await item in stream { item.value.say() } } }
    }

    func handleBound(_ player: Player) {
        add(player) { ExecutionContext.none { Task { [stream] in await stream.forEachBound { $0.say() } } } }
    }

    private func add(_ player: Player, start: () -> Task<Void, Never>) {
        items.withLock { items in
            // The loop ends with the last item.
            if items == 0 { _ = start() }
            items += 1
            continuation.yieldBound(player)
            if items == jobs { continuation.finish() }
        }
    }
}

/// Globals whose initialiser speaks for all jobs that wait: one for each number of jobs, since a process initialises each once.
private enum FirstUse {
    static let waiting = Dictionary(uniqueKeysWithValues: Scene.concurrencies.map { ($0, (plain: Askers(), left: Askers())) })

    static func touch(jobs: Int) -> Bool {
        switch jobs {
        case 3: three
        case 64: sixtyFour
        default: thousand
        }
    }

    static func touchBound(jobs: Int) -> Bool {
        switch jobs {
        case 3: threeOfNobody
        case 64: sixtyFourOfNobody
        default: thousandOfNobody
        }
    }

    private static let three = speak(for: 3)
    private static let sixtyFour = speak(for: 64)
    private static let thousand = speak(for: 1000)
    private static let threeOfNobody = ExecutionContext.none { speakBound(for: 3) }
    private static let sixtyFourOfNobody = ExecutionContext.none { speakBound(for: 64) }
    private static let thousandOfNobody = ExecutionContext.none { speakBound(for: 1000) }

    private static func speak(for jobs: Int) -> Bool {
        for asker in waiting[jobs]?.plain.all ?? [] { asker.value.say() }
        return true
    }

    private static func speakBound(for jobs: Int) -> Bool {
        #expect(ExecutionContext.current == nil)
        for asker in waiting[jobs]?.left.all ?? [] { asker.run { $0.say() } }
        return true
    }
}
