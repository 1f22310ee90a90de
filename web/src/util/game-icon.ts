import {
  Axe,
  Biohazard,
  Bot,
  Box,
  Cog,
  Crosshair,
  Egg,
  Factory,
  Flame,
  type LucideIcon,
  Mic,
  PawPrint,
  Pickaxe,
  TrainFront,
  Trees,
  Waypoints,
} from 'lucide-react'

const ICONS: Array<[pattern: RegExp, icon: LucideIcon]> = [
  [/velocity|bungee|waterfall|proxy/i, Waypoints],
  [/minecraft|paper|spigot|forge|fabric|purpur|bedrock|vanilla/i, Pickaxe],
  [/ttd|train|transport/i, TrainFront],
  [/factorio/i, Factory],
  [/valheim/i, Axe],
  [/terraria|tshock/i, Trees],
  [/counter|cs2|csgo|source|arma|squad/i, Crosshair],
  [/rust/i, Flame],
  [/zomboid|7 days|unturned/i, Biohazard],
  [/satisfactory/i, Cog],
  [/palworld/i, PawPrint],
  [/\bark\b/i, Egg],
  [/teamspeak|mumble|voice/i, Mic],
  [/bot|discord/i, Bot],
]

/** A neutral line icon for a game, by the words in its egg's name. */
export function gameIcon(name: string): LucideIcon {
  return ICONS.find(([pattern]) => pattern.test(name))?.[1] ?? Box
}
