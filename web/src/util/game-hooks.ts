/** What a game is told around a backup, so that its files are whole. */
export interface GameHooks {
  /** What the game is called where this is offered. */
  game: string
  before: readonly string[]
  after: readonly string[]
  /** What it says when its files are whole. */
  ready: string
}

/** As docs/backups.md says it: the world is written once, and not again until the copy is there. */
const MINECRAFT: GameHooks = {
  game: 'Minecraft',
  before: ['save-off', 'save-all flush'],
  after: ['save-on'],
  ready: 'Saved the game',
}

// Proxies have no world; Bedrock and its kin hold their files by asking again and again, which a hook can't.
const OTHERS = /bedrock|pocketmine|nukkit|bungee|velocity|waterfall|travertine|geyser|proxy|minetest/i
const JAVA =
  /minecraft|paper|purpur|pufferfish|folia|spigot|bukkit|\bforge\b|neoforge|fabric|quilt|sponge|mohist|magma|arclight|technic|curse|feed the beast|\bftb\b/i

/** The game of an egg, as far as its name tells; nothing where it does not. */
export function hooksOf(egg: string): GameHooks | undefined {
  return JAVA.test(egg) && !OTHERS.test(egg) ? MINECRAFT : undefined
}
