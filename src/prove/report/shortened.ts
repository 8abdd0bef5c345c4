/** A text in at most so many characters, cut between two words and marked as cut. */
export function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text
  const space = text.lastIndexOf(' ', longest - 2)
  // One long word, a path or a digest, leaves nothing to cut between.
  return `${text.slice(0, space > longest / 2 ? space : longest - 2)} …`
}
