// The fuzzer's program: plays given files through a target or, built with libFuzzer, makes up inputs of its own.

import Glibc

/// `ErrandFuzz FILE …` plays files. Built by `Scripts/soak fuzz`, with `--sanitize fuzzer -Xswiftc -DFUZZING`, it takes libFuzzer's own
/// arguments instead. ERRAND_FUZZ names the target; ERRAND_FUZZ_BROKEN=1 puts its broken variant in the place of the real thing.
@main enum Fuzz {
    /// What the environment asks for.
    static let choice: (target: FuzzTarget, variant: Variant) = {
        let name = getenv("ERRAND_FUZZ").map { String(cString: $0) } ?? ""
        guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
            fatalError("ERRAND_FUZZ=\(name) is no target: use one of \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        }
        return (target, getenv("ERRAND_FUZZ_BROKEN") == nil ? .real : .broken)
    }()

    static func main() {
        #if FUZZING
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runDriver(&count, &arguments, testOneInput))
        #else
        for path in CommandLine.arguments.dropFirst() {
            guard let bytes = CorpusFile.bytes(of: path) else { fatalError("cannot read \(path)") }
            play(bytes)
            print("\(path): nothing found")
        }
        #endif
    }

    /// Traps on a finding, which is how libFuzzer learns of it.
    static func play(_ bytes: [UInt8]) {
        do throws(Finding) {
            try choice.target.check(bytes, choice.variant)
        } catch {
            fatalError("\(choice.target.name): \(error)")
        }
    }
}

#if FUZZING
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// libFuzzer's way in: https://llvm.org/docs/LibFuzzer.html#fuzz-target
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Fuzz.play(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
#endif
