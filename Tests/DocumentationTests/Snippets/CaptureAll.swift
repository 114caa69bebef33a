// All three captures, for programs that do not build on ErrandApp.

import Errand

enum CaptureAll {
    static func run() throws {
        // snippet.show
        LogCapture.install()  // loggers
        OutputCapture.install()  // print, puts, fputs
        try CrashCapture.install()  // who crashed
        // snippet.hide
    }
}
