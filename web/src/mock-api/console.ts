const INFO = '[Server thread/INFO]: '

/** A few minutes of a Paper server, seconds before now. */
export const LINES: Array<[second: number, stream: 'game' | 'warren', text: string]> = [
  [740, 'warren', 'Start asked by mira · generation 41 · image yolks:java_21 unchanged'],
  [
    739,
    'game',
    '\x1b[90mcontainer@warren~\x1b[0m java -Xms128M -XX:MaxRAMPercentage=90.0 -jar paper-1.21.8-60.jar nogui',
  ],
  [734, 'game', `${INFO}This server is running Paper version 1.21.8-60-main@29c8822`],
  [
    733,
    'game',
    `\x1b[90m${INFO}\x1b[36m[LuckPerms]\x1b[0m Loading configuration, storage: \x1b[34mh2\x1b[0m`,
  ],
  [732, 'game', '[Server thread/WARN]: [WorldGuard] No region file for world "vale_nether", creating one'],
  [728, 'game', `${INFO}Preparing level "vale"`],
  [720, 'game', `\x1b[90m${INFO}\x1b[32mDone (14.882s)! For help, type "help"\x1b[0m`],
  [720, 'warren', 'Running: done marker matched 20.1 s after start'],
  [580, 'game', `${INFO}UUID of player oak_and_ash is 7c1e0b52-43f9-4d7e-9a38-51d0c2b6f8aa`],
  [579, 'game', `\x1b[90m${INFO}\x1b[93moak_and_ash joined the game\x1b[0m`],
  [562, 'game', `${INFO}<oak_and_ash> who moved the lanterns on the north bridge`],
  [477, 'game', `\x1b[90m${INFO}\x1b[93mBrindle joined the game\x1b[0m`],
  [470, 'game', `${INFO}<Brindle> creepers did`],
  [
    328,
    'game',
    `\x1b[90m${INFO}\x1b[0moak_and_ash has made the advancement \x1b[32m[Cover Me in Debris]\x1b[0m`,
  ],
  [
    163,
    'game',
    "[Server thread/WARN]: Can't keep up! Is the server overloaded? Running 2431ms or 48 ticks behind",
  ],
  [158, 'game', `${INFO}<Brindle> lag?`],
  [140, 'game', `${INFO}[Not Secure] [Server] Chunk pregeneration pauses in 10 s`],
  [129, 'game', `\x1b[90m${INFO}\x1b[36m[Chunky]\x1b[0m Task paused for \x1b[34mvale\x1b[0m, 61.4 % done`],
  [85, 'game', '[Server thread/ERROR]: Could not pass event ChunkLoadEvent to DynTrails v2.1.0'],
  [85, 'game', 'java.lang.NullPointerException: Cannot invoke "Trail.nodes()" because "trail" is null'],
  [85, 'game', '\tat net.example.dyntrails.Trails.onLoad(Trails.java:118) ~[DynTrails-2.1.0.jar:?]'],
  [70, 'game', `\x1b[90m${INFO}\x1b[36m[LuckPerms]\x1b[0m Hollis now inherits from \x1b[34mbuilder\x1b[0m`],
  [23, 'game', `\x1b[90m${INFO}\x1b[93mHollis joined the game\x1b[0m`],
  [11, 'game', `${INFO}Set the time to 1000`],
]

export const CHATTER = [
  `${INFO}<Hollis> who took my boat`,
  `${INFO}Saving chunks for level 'ServerLevel[vale]'/minecraft:overworld`,
  '[Server thread/WARN]: Brindle moved too quickly! 11.2,0.4,-9.8',
  `${INFO}<Brindle> it was the current`,
]
