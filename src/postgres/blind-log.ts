/*
 * A server's log without people's data. Messages of sessions quote what was sent to them (`invalid input syntax for type
 * uuid: "..."`), so that of a session's record only the severity and the code pass on, and of its LOG messages those whose
 * shape is known to hold none. The server's own processes speak freely; `terse` verbosity leaves out their details.
 * Lines are written under the prefix `%e %b [%p] `.
 */

const record = /^([0-9A-Z]{5}) ([a-z][a-z ]*?) \[(\d+)\] ([A-Z0-9]+): {2}(.*)$/

/** Processes that run statements of others, or over their rows. */
const sessions = new Set([
  'client backend',
  'parallel worker',
  'autovacuum worker',
  'background worker',
  'walsender',
  'not initialized',
])

const cannotConnectNow = '57P03'

/** LOG messages of sessions that hold no values; the match is what passes on. */
const harmless = [
  /^duration: [\d.]+ ms/,
  /^process \d+ (still waiting for|acquired|detected deadlock while waiting for) \w+ on \w+/,
  /^temporary file: path "[\w./]+", size \d+/,
  /^(could not (receive data from|send data to) client|unexpected EOF on client connection)/,
  /^(starting logical decoding|received replication command: (IDENTIFY_SYSTEM|START_REPLICATION|BASE_BACKUP))/,
]

/** Passes the lines of a server's stderr on to `emit`, blind. Feed it chunks as they come. */
export function blindLog(emit: (line: string) => void): (chunk: string) => void {
  let rest = ''
  let hidden = false
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      // Postgres begins every further line of a message with a tab.
      if (line.startsWith('\t')) {
        if (!hidden) emit(line)
        continue
      }
      const told = tell(line)
      hidden = told.hidden
      if (told.line !== '') emit(told.line)
    }
  }
}

function tell(line: string): { line: string; hidden: boolean } {
  const match = record.exec(line)
  if (match === null) return { line, hidden: false }
  const [, code = '', process = '', , severity = '', message = ''] = match
  if (!sessions.has(process)) return { line: `${severity}: ${message}`, hidden: false }
  // A server that starts is asked many times a second whether it is there; that it is not yet tells nobody anything.
  if (code === cannotConnectNow) return { line: '', hidden: true }
  if (severity === 'FATAL' || severity === 'PANIC')
    return { line: `${severity} ${code}: ${fatal(message)}`, hidden: true }
  if (severity !== 'LOG') return { line: `${severity} ${code} in a ${process}`, hidden: true }
  const known = harmless.map((pattern) => pattern.exec(message)?.[0]).find((text) => text !== undefined)
  return { line: known === undefined ? '' : `LOG: ${known}`, hidden: true }
}

/** What ends a session is about the session, but may quote the name it gave. */
function fatal(message: string): string {
  return message.replace(/"[^"]*"/g, '"..."')
}
