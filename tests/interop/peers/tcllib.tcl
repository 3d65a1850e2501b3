# tcllib's websocket as a peer: tclsh tcllib.tcl server|client. The words are explained in tests/interop/ends.py.
#
# tcllib leaves HTTP to the program: a server reads the request itself and then asks websocket::test.
package require websocket
package require http
::websocket::loglevel critical
fconfigure stdout -buffering line -encoding utf-8
fconfigure stdin -encoding utf-8
set current ""

proc say {args} {
    puts [join [lmap word $args {expr {$word eq "" ? "-" : $word}}]]
}

proc unhex {word} {
    return [binary decode hex [expr {$word eq "-" ? "" : $word}]]
}

proc hex_of_text {text} {
    return [binary encode hex [encoding convertto utf-8 $text]]
}

proc text_of_hex {word} {
    return [encoding convertfrom utf-8 [unhex $word]]
}

# The handler of a connection: websocket calls it for everything.
proc told {sock type message} {
    global current role
    switch $type {
        connect {
            set current $sock
            say open [expr {$role eq "server" ? $::agreed : $message}]
        }
        text {say message text [hex_of_text $message]}
        binary {say message binary [binary encode hex $message]}
        ping - pong {say $type [binary encode hex $message]}
        close {
            set ::closing($sock) 1
            say closed [lindex $message 0] [hex_of_text [lindex $message 1]]
        }
        disconnect {
            if {![info exists ::closing($sock)]} {say closed 1006 -}
            unset -nocomplain ::closing($sock)
        }
        error {
            regexp {error code (\d+)} $message all status
            say failed $status
        }
    }
}

proc accept {sock host port} {
    fconfigure $sock -blocking 0 -translation crlf -encoding iso8859-1
    fileevent $sock readable [list read_request $sock]
    set ::request($sock) {}
}

proc read_request {sock} {
    if {[gets $sock line] < 0} {
        if {[eof $sock]} {close $sock}
        return
    }
    lappend ::request($sock) $line
    if {$line ne ""} return
    fileevent $sock readable {}
    answer $sock $::request($sock)
    unset ::request($sock)
}

proc answer {sock lines} {
    set path [lindex [split [lindex $lines 0]] 1]
    set headers [dict create]
    foreach line [lrange $lines 1 end-1] {
        regexp {^([^:]+):\s*(.*)$} $line all name value
        dict set headers [string tolower $name] $value
    }
    # websocket::test fails on a request without this header.
    if {![dict exists $headers sec-websocket-protocol]} {dict set headers sec-websocket-protocol ""}
    if {$path eq "/refuse" || ![::websocket::test $::listener $sock $path $headers]} {
        puts $sock "HTTP/1.1 403 Forbidden\nContent-Length: 0\nConnection: close\n"
        close $sock
        return
    }
    set offered [split [string map {" " ""} [dict get $headers sec-websocket-protocol]] ,]
    set ::agreed [expr {"chat.v2" in $offered ? "chat.v2" : ""}]
    ::websocket::upgrade $sock
}

proc listen {} {
    global listener
    set listener [socket -server accept -myaddr 127.0.0.1 0]
    ::websocket::server $listener
    ::websocket::live $listener * told chat.v2
    say listening [lindex [fconfigure $listener -sockname] 2]
}

proc command_connect {url subprotocols} {
    set offered [expr {$subprotocols eq "-" ? {} : [split $subprotocols ,]}]
    ::websocket::open $url told -protocol $offered
}
proc command_text {word} {::websocket::send $::current text [text_of_hex $word]}
proc command_binary {word} {::websocket::send $::current binary [unhex $word]}
proc command_ping {word} {::websocket::send $::current ping [unhex $word]}
proc command_close {code reason} {::websocket::close $::current $code [text_of_hex $reason]}
proc command_fragments {kind args} {
    set left [llength $args]
    foreach word $args {
        set data [expr {$kind eq "text" ? [text_of_hex $word] : [unhex $word]}]
        ::websocket::send $::current $kind $data [expr {[incr left -1] == 0}]
    }
}

proc obey {} {
    if {[gets stdin line] < 0} exit
    if {[catch {command_[lindex [split $line] 0] {*}[lrange [split $line] 1 end]} why]} {
        say error $why
    } else {
        say done
    }
}

set role [lindex $argv 0]
say version "[package require websocket] on Tcl [info patchlevel]"
if {$role eq "server"} listen
fileevent stdin readable obey
vwait forever
