// Where jobs leave what another one takes: callbacks that somebody else fires, things that somebody else releases.

import Synchronization

/// One place for each player of a scene.
package final class Lockers<Thing: Sendable>: Sendable {
    private let things: Mutex<[Int: Thing]> = Mutex([:])

    package init() {}

    /// Leaves `thing` under this number.
    package func leave(_ thing: Thing, under number: Int) { things.withLock { $0[number] = thing } }

    /// Takes what lies under this number, if something does.
    package func take(_ number: Int) -> Thing? { things.withLock { $0.removeValue(forKey: number) } }
}
