import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { Command } from 'cmdk'
import {
  Archive,
  Contrast,
  Copy,
  Database,
  Folder,
  History,
  type LucideIcon,
  MapPin,
  Moon,
  Network,
  Plus,
  Search,
  Settings,
  SquareTerminal,
  Sun,
  User,
  Users,
} from 'lucide-react'
import { Dialog } from 'radix-ui'
import { type ReactNode, useEffect, useState } from 'react'
import { eggsQuery } from '~/api/eggs'
import { peopleQuery } from '~/api/people'
import { nodesQuery, serverQuery } from '~/api/queries'
import type { PowerAction, ServerSummary } from '~/api/types'
import { useFoundServers } from '~/hooks/use-found-servers'
import { useMay } from '~/hooks/use-may'
import { useSettled } from '~/hooks/use-settled'
import { texts } from '~/i18n/texts'
import { power } from '~/live/live'
import { layers } from '~/stores/layers'
import { setTheme } from '~/stores/theme'
import { toast } from '~/stores/toasts'
import { GameTile, Kbd } from '~/ui/bits'
import { copyText } from '~/ui/copy'
import { gameIcon } from '~/util/game-icon'
import { powerOff, powerWord, shownState } from '~/util/state'
import { visible } from '~/util/visible'
import { ADMIN_PLACES, openTo, PLACES } from './nav'
import { POWER_ICONS } from './power'
import { StateBadge } from './state-badge'

const t = texts('shell')
const states = texts('state')

const ROW =
  'group/row flex h-10 cursor-pointer items-center gap-2.5 rounded-in pr-3 pl-2 data-[selected=true]:bg-surface-3 max-sm:h-11'

/** The letters that were typed, where they stand in a name. */
function Found({ text, needle }: { text: string; needle: string }) {
  const at = needle ? text.toLowerCase().indexOf(needle) : -1
  if (at < 0) return <>{text}</>
  return (
    <>
      {text.slice(0, at)}
      <mark className="bg-transparent text-accent">{text.slice(at, at + needle.length)}</mark>
      {text.slice(at + needle.length)}
    </>
  )
}

/** What Enter would do now stands at the row that it would do it to. */
function EnterHint() {
  return (
    <span className="hidden shrink-0 group-data-[selected=true]/row:inline-flex max-sm:hidden!">
      <Kbd>{t('key.enter')}</Kbd>
    </span>
  )
}

/** What a row is found and chosen by. */
function rowValue(label: string, words = ''): string {
  return `${label} ${words}`.trim()
}

function Row({
  icon: Icon,
  label,
  note,
  keys,
  words,
  onSelect,
}: {
  icon: LucideIcon
  label: string
  note?: ReactNode
  keys?: string
  words?: string
  onSelect: () => void
}) {
  return (
    <Command.Item value={rowValue(label, words)} onSelect={onSelect} className={ROW}>
      <span className="inline-flex size-7 items-center justify-center text-t2">
        <Icon aria-hidden="true" size={16} strokeWidth={1.75} />
      </span>
      <span className="font-medium whitespace-nowrap">{label}</span>
      {note && <span className="truncate text-t3">{note}</span>}
      <span className="ml-auto flex shrink-0 gap-1 pl-2">
        {keys?.split(' ').map((key) => (
          <Kbd key={key}>{key}</Kbd>
        ))}
        <EnterHint />
      </span>
    </Command.Item>
  )
}

const GROUP =
  '[&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:pt-2.5 [&_[cmdk-group-heading]]:pb-1.5 [&_[cmdk-group-heading]]:text-12 [&_[cmdk-group-heading]]:text-t3'

/** Finds and does everything, by a few letters. */
export default function Palette() {
  const navigate = useNavigate()
  const { server: here } = useParams({ strict: false })
  const mine = useMay()
  const nodes = useQuery({ ...nodesQuery, enabled: mine.somewhere('node.read') })
  const eggs = useQuery({ ...eggsQuery, enabled: mine.may('egg.read') })
  const [text, setText] = useState('')
  const close = () => layers.show(undefined)
  const go = (act: () => unknown) => () => {
    close()
    void act()
  }
  const needle = text.trim().toLowerCase()
  const { found } = useFoundServers(text)
  const asked = useSettled(needle)
  const people = useInfiniteQuery({
    ...peopleQuery(asked),
    enabled: mine.may('person.read') && asked.length > 1,
  })
  const persons = asked.length > 1 ? (people.data?.pages[0]?.items ?? []) : []
  const [chosen, setChosen] = useState('')
  // People come a moment after the letters: where they are all that was found by name, Enter is for the first.
  const [first] = persons
  const best = found.length === 0 && first ? rowValue(first.username, first.email) : undefined
  useEffect(() => {
    if (best) setChosen(best)
  }, [best])
  const { data: open } = useQuery({ ...serverQuery(here ?? ''), enabled: here !== undefined })
  // What can be done stands below the one server that is meant: the page's own, or the first match.
  const focus =
    needle && found.length > 0
      ? (found.find((s) => s.name.toLowerCase().startsWith(needle)) ?? found[0])
      : open
  async function order(server: ServerSummary, action: PowerAction) {
    try {
      await power(server.id, action)
      toast.show({ kind: 'note', title: states('power.asked', { server: server.name, action }) })
    } catch (error) {
      toast.error(states('power.refused', { server: server.name, action }), error)
    }
  }
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fade fixed inset-0 z-(--z-palette) bg-scrim" />
        <Dialog.Content
          aria-describedby={undefined}
          className="rise fixed inset-x-0 top-28 z-(--z-palette) mx-auto w-[min(680px,calc(100vw-24px))] overflow-hidden rounded-box border border-line-2 bg-overlay shadow-float outline-none max-sm:top-3"
        >
          <Dialog.Title className="sr-only">{t('search')}</Dialog.Title>
          <Command label={t('search')} loop value={chosen} onValueChange={setChosen}>
            <div className="flex h-14 items-center gap-3 border-b border-line px-4">
              <Search aria-hidden="true" size={16} strokeWidth={1.75} className="text-t3" />
              <Command.Input
                autoFocus
                value={text}
                onValueChange={setText}
                placeholder={t('search')}
                className="h-11 min-w-0 flex-1 bg-transparent text-16 outline-none placeholder:text-t3"
              />
              <Kbd>{t('key.esc')}</Kbd>
            </div>
            <Command.List className="max-h-[min(480px,60dvh)] overflow-y-auto p-2">
              <Command.Empty className="px-3 py-8 text-center text-t3">{t('palette.none')}</Command.Empty>
              {found.length > 0 && (
                <Command.Group heading={t('place.servers')} className={GROUP}>
                  {found.slice(0, 6).map((server) => (
                    <Command.Item
                      key={server.id}
                      value={`${server.name} ${server.address?.display ?? ''} ${server.egg.name} ${server.node.name} ${server.id}`}
                      onSelect={go(() => navigate({ to: '/servers/$server', params: { server: server.id } }))}
                      className={ROW}
                    >
                      <span className="rounded-in group-data-[selected=true]/row:ring-1 group-data-[selected=true]/row:ring-line-2">
                        <GameTile icon={gameIcon(server.egg.name)} />
                      </span>
                      <span className="font-medium whitespace-nowrap">
                        <Found text={server.name} needle={needle} />
                      </span>
                      <span className="truncate text-t3 max-sm:hidden">
                        {[server.address?.display, server.node.name].filter(Boolean).join(' · ')}
                      </span>
                      <span className="ml-auto">
                        <StateBadge state={shownState(server)} plain />
                      </span>
                      <EnterHint />
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
              {focus && (
                <Command.Group heading={t('palette.do_with', { server: focus.name })} className={GROUP}>
                  <Row
                    icon={SquareTerminal}
                    label={t('palette.console')}
                    words={focus.name}
                    onSelect={go(() => navigate({ to: '/servers/$server', params: { server: focus.id } }))}
                  />
                  {(['start', 'restart', 'stop'] as const)
                    .filter((action) => powerOff(focus, action) === false)
                    .map((action) => (
                      <Row
                        key={action}
                        icon={POWER_ICONS[action]}
                        label={powerWord(action)}
                        words={focus.name}
                        onSelect={go(() => order(focus, action))}
                      />
                    ))}
                  <Row
                    icon={Folder}
                    label={t('palette.files')}
                    words={focus.name}
                    onSelect={go(() =>
                      navigate({ to: '/servers/$server/files', params: { server: focus.id }, search: {} }),
                    )}
                  />
                  <Row
                    icon={Settings}
                    label={t('palette.settings')}
                    words={focus.name}
                    onSelect={go(() =>
                      navigate({ to: '/servers/$server/settings', params: { server: focus.id } }),
                    )}
                  />
                  {(focus !== open || open.permissions.includes('user.read')) && (
                    <Row
                      icon={Users}
                      label={t('palette.users')}
                      words={`${focus.name} ${t('palette.users_words')}`}
                      onSelect={go(() =>
                        navigate({ to: '/servers/$server/users', params: { server: focus.id } }),
                      )}
                    />
                  )}
                  {(focus !== open || open.permissions.includes('database.read')) && (
                    <Row
                      icon={Database}
                      label={t('palette.databases')}
                      words={`${focus.name} ${t('palette.databases_words')}`}
                      onSelect={go(() =>
                        navigate({ to: '/servers/$server/databases', params: { server: focus.id } }),
                      )}
                    />
                  )}
                  {(focus !== open || open.permissions.includes('backup.read')) && (
                    <Row
                      icon={Archive}
                      label={t('palette.backups')}
                      words={`${focus.name} ${t('palette.backups_words')}`}
                      onSelect={go(() =>
                        navigate({ to: '/servers/$server/backups', params: { server: focus.id } }),
                      )}
                    />
                  )}
                  {(focus !== open || open.permissions.includes('activity.read')) && (
                    <Row
                      icon={History}
                      label={t('palette.activity')}
                      words={`${focus.name} ${t('palette.activity_words')}`}
                      onSelect={go(() =>
                        navigate({ to: '/servers/$server/activity', params: { server: focus.id } }),
                      )}
                    />
                  )}
                  {focus.address && (
                    <Row
                      icon={Copy}
                      label={t('palette.copy_address')}
                      words={focus.name}
                      note={focus.address.display}
                      onSelect={go(() => copyText(focus.address?.display ?? ''))}
                    />
                  )}
                </Command.Group>
              )}
              {(nodes.data?.length ?? 0) > 0 && (
                <Command.Group heading={t('place.nodes')} className={GROUP}>
                  {nodes.data?.slice(0, 12).map((node) => (
                    <Row
                      key={node.id}
                      icon={Network}
                      label={node.name}
                      note={node.host.hostname}
                      words={t('palette.node_words')}
                      onSelect={go(() => navigate({ to: '/nodes/$node', params: { node: node.id } }))}
                    />
                  ))}
                </Command.Group>
              )}
              {persons.length > 0 && (
                <Command.Group heading={t('place.people')} className={GROUP}>
                  {persons.slice(0, 6).map((person) => (
                    <Row
                      key={person.id}
                      icon={User}
                      label={person.username}
                      note={visible(person.email)}
                      words={person.email}
                      onSelect={go(() => navigate({ to: '/people/$user', params: { user: person.id } }))}
                    />
                  ))}
                </Command.Group>
              )}
              <Command.Group heading={t('palette.go_to')} className={GROUP}>
                {openTo(mine, [...PLACES, ...ADMIN_PLACES]).map((place) => (
                  <Row
                    key={place.to}
                    icon={place.icon}
                    label={t(place.label)}
                    {...(place.keys ? { keys: place.keys } : {})}
                    words={t('palette.place_words')}
                    onSelect={go(() => navigate({ to: place.to }))}
                  />
                ))}
                {mine.somewhere('node.read') && (
                  <Row
                    icon={MapPin}
                    label={t('place.locations')}
                    words={t('palette.locations_words')}
                    onSelect={go(() => navigate({ to: '/nodes', hash: 'locations' }))}
                  />
                )}
                <Row
                  icon={User}
                  label={t('place.account')}
                  words={t('palette.account_words')}
                  onSelect={go(() => navigate({ to: '/account' }))}
                />
              </Command.Group>
              <Command.Group heading={t('palette.commands')} className={GROUP}>
                {mine.somewhere('admin.server.create') && (
                  <Row
                    icon={Plus}
                    label={t('palette.new_server')}
                    keys="c"
                    onSelect={go(() => navigate({ to: '/servers/new' }))}
                  />
                )}
                {mine.may('node.create') && (
                  <Row
                    icon={Plus}
                    label={t('palette.add_node')}
                    words={t('palette.add_node_words')}
                    onSelect={go(() => navigate({ to: '/nodes', search: { join: true } }))}
                  />
                )}
                {mine.may('person.create') && (
                  <Row
                    icon={Plus}
                    label={t('palette.new_person')}
                    words={t('palette.new_person_words')}
                    onSelect={go(() => navigate({ to: '/people', search: { new: true } }))}
                  />
                )}
                {mine.may('role.create') && (
                  <Row
                    icon={Plus}
                    label={t('palette.new_role')}
                    words={t('palette.new_role_words')}
                    onSelect={go(() => navigate({ to: '/roles', search: { new: true } }))}
                  />
                )}
                {mine.may('mount.create') && (
                  <Row
                    icon={Plus}
                    label={t('palette.new_mount')}
                    words={t('palette.new_mount_words')}
                    onSelect={go(() => navigate({ to: '/mounts', search: { new: true } }))}
                  />
                )}
                {mine.may('plan.create') && (
                  <Row
                    icon={Plus}
                    label={t('palette.new_plan')}
                    words={t('palette.new_plan_words')}
                    onSelect={go(() => navigate({ to: '/plans', search: { new: true } }))}
                  />
                )}
                {mine.somewhere('admin.server.create') &&
                  needle !== '' &&
                  eggs.data
                    ?.slice(0, 20)
                    .map((egg) => (
                      <Row
                        key={egg.id}
                        icon={gameIcon(egg.name)}
                        label={t('palette.new_egg_server', { egg: egg.name })}
                        onSelect={go(() => navigate({ to: '/servers/new', search: { egg: egg.id } }))}
                      />
                    ))}
                <Row icon={Moon} label={t('palette.theme.dark')} onSelect={go(() => setTheme('dark'))} />
                <Row icon={Sun} label={t('palette.theme.light')} onSelect={go(() => setTheme('light'))} />
                <Row
                  icon={Contrast}
                  label={t('palette.theme.contrast')}
                  onSelect={go(() => setTheme('contrast'))}
                />
              </Command.Group>
            </Command.List>
            <div className="flex h-10 items-center gap-1.5 border-t border-line px-4 text-12 text-t3 max-sm:hidden">
              <Kbd>↑</Kbd>
              <Kbd>↓</Kbd>
              <span className="mr-2.5">{t('palette.move')}</span>
              <Kbd>{t('key.enter')}</Kbd>
              <span>{t('palette.open')}</span>
            </div>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
