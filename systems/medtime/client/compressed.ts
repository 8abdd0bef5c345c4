/**
 * The text as gzip, or as it is where that is not longer than `above` bytes, where the platform cannot compress, or where
 * nothing is gained. Answers need no hand: `fetch` asks for compressed ones and opens them by itself.
 */
export async function compressed(
  text: string,
  above: number | undefined,
): Promise<{ body: BodyInit; headers: Record<string, string> }> {
  if (above === undefined || text.length <= above || typeof CompressionStream === 'undefined') {
    return { body: text, headers: {} }
  }
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  const body = await new Response(stream).arrayBuffer()
  return body.byteLength < text.length ? { body, headers: { 'content-encoding': 'gzip' } } : { body: text, headers: {} }
}
