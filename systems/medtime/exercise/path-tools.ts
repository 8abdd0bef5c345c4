/** What a way in needs to carry a value. */
export interface PathTools {
  address(service: string): string
  /** Headers of a user whose only purpose is to carry planted values. */
  credentials(): Promise<Record<string, string>>
  /** Stores a value as a real client does: encrypted before it leaves the device. */
  keep(value: string): Promise<void>
  newId(): string
}
