import { type IncomingMessage, ServerResponse } from 'node:http'

/**
 * Lets a preloaded module change the bodies of answers on their way out. Only answers sent as one piece, which is how the
 * services send JSON and text.
 */
export function rewriteAnswers(change: (body: string, request: IncomingMessage, status: number) => string): void {
  const writeHead = ServerResponse.prototype.writeHead
  const end = ServerResponse.prototype.end
  ServerResponse.prototype.writeHead = function (this: ServerResponse, ...given: unknown[]) {
    // The length will be another one.
    const headers = given.at(-1)
    if (headers !== null && typeof headers === 'object' && !Array.isArray(headers)) {
      const kept = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-length')
      given[given.length - 1] = Object.fromEntries(kept)
    }
    this.removeHeader('content-length')
    return Reflect.apply(writeHead, this, given)
  }
  ServerResponse.prototype.end = function (this: ServerResponse, ...given: unknown[]) {
    const [body] = given
    if (typeof body === 'string') given[0] = change(body, this.req, this.statusCode)
    else if (Buffer.isBuffer(body)) given[0] = change(body.toString('utf8'), this.req, this.statusCode)
    return Reflect.apply(end, this, given)
  }
}
