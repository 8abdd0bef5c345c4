import { framePattern, framesAtMost } from './wire.ts'

/**
 * The places of a stack that are in the app's own modules, innermost first: no names of functions, no foreign paths, and nothing of
 * the message. A message may look like a frame, and may hold what a person typed: what precedes its end is cut off, and when it cannot be
 * told where it ends there are no frames.
 * @param root what the addresses of the app's modules begin with, such as `file:///app/`
 */
export function ownFrames(error: Error, root: string): string[] {
  const { stack, message } = error
  if (stack === undefined) return []
  const start = stack.indexOf(message)
  if (start < 0) return []
  return stack
    .slice(start + message.length)
    .split('\n')
    .flatMap((line) => {
      const at = line.indexOf(root)
      const place = at < 0 ? '' : line.slice(at + root.length).replace(/\)?\s*$/, '')
      return framePattern.test(place) && place.length <= 200 ? [place] : []
    })
    .slice(0, framesAtMost)
}
