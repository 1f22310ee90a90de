import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { FileUp, FolderPlus, Upload } from 'lucide-react'
import { useRef, useState } from 'react'
import { api, must } from '~/api/client'
import { eggsQuery, nestsQuery } from '~/api/eggs'
import { keys, queryClient } from '~/api/queries'
import type { EggSummary, Nest } from '~/api/types'
import { TakeBack } from '~/components/credentials'
import { type Dropped, importAll } from '~/components/egg-import'
import { EggReport } from '~/components/egg-report'
import { EggTable } from '~/components/egg-table'
import { NestFilter, NO_NEST } from '~/components/nest-filter'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { StarterTiles } from '~/components/starters'
import { EggMoveDialog } from '~/forms/egg-move'
import { NestDialog, type Nesting } from '~/forms/nest-edit'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'

const t = texts('eggs')
const words = texts('nests')

export function EggsPage() {
  const eggs = useQuery(eggsQuery)
  const navigate = useNavigate()
  const { nest } = useSearch({ from: '/app/eggs' })
  const { may } = useMay()
  const nests = useQuery({ ...nestsQuery, enabled: may('nest.read') })
  const known = nests.data ?? []
  const into = known.find(({ id }) => id === nest)
  const [needle, setNeedle] = useState('')
  const [moving, setMoving] = useState<EggSummary>()
  const [nesting, setNesting] = useState<Nesting>()
  const [removing, setRemoving] = useState<Nest>()
  const [dropped, setDropped] = useState<Dropped[]>([])
  const [over, setOver] = useState(false)
  const picker = useRef<HTMLInputElement>(null)
  usePage(t('title'))

  async function take(files: File[]) {
    await importAll(files, new Set(eggs.data?.map((egg) => egg.id)), setDropped, { nest: into?.id })
    await queryClient.invalidateQueries({ queryKey: keys.eggs })
    await queryClient.invalidateQueries({ queryKey: keys.nests })
  }

  const shown = (eggs.data ?? [])
    .filter((egg) => nest === undefined || (egg.nest?.id ?? NO_NEST) === nest)
    .filter((egg) =>
      `${egg.name} ${egg.author} ${egg.tags.join(' ')}`.toLowerCase().includes(needle.toLowerCase()),
    )
    .sort((a, b) => a.name.localeCompare(b.name))
  const zone = (
    <button
      type="button"
      onClick={() => picker.current?.click()}
      className={cx(
        'tx flex w-full flex-col items-center gap-1 rounded-box border border-dashed px-6 py-6 text-center',
        over ? 'border-accent-line bg-accent-tint' : 'border-line-2 hover:border-line-3 hover:bg-surface',
      )}
    >
      <FileUp aria-hidden="true" size={20} strokeWidth={1.6} className="text-t2" />
      <span className="font-medium">{t('drop')}</span>
      <span className="text-12 text-t3">{t('drop.note')}</span>
      {into && <span className="text-12 text-t3">{words('into', { nest: into.name })}</span>}
    </button>
  )
  return (
    <Page>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping has the button beside it for keyboards */}
      <div
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          setOver(false)
          void take([...event.dataTransfer.files])
        }}
      >
        <PageHead title={t('title')} note={eggs.data?.length}>
          {may('nest.read') && (
            <Button
              icon={FolderPlus}
              off={may('nest.create') ? false : words('off.create')}
              onClick={() => setNesting('new')}
            >
              {words('new')}
            </Button>
          )}
          <Button look="primary" icon={Upload} onClick={() => picker.current?.click()}>
            {t('import')}
          </Button>
        </PageHead>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          accept=".json,.yaml,.yml,application/json"
          aria-label={t('import.files')}
          onChange={(event) => {
            if (event.target.files) void take([...event.target.files])
            event.target.value = ''
          }}
        />
        {dropped.length > 0 && (
          <EggReport rows={dropped} onMore={() => picker.current?.click()} onClose={() => setDropped([])} />
        )}
        {eggs.isError && <ProblemView error={eggs.error} onRetry={() => void eggs.refetch()} />}
        {eggs.isPending && (
          <Card>
            <SkeletonRows />
          </Card>
        )}
        {eggs.data?.length === 0 && (
          <Card className="mb-6">
            <Empty title={t('none')}>{t('none.note')}</Empty>
          </Card>
        )}
        {eggs.data && eggs.data.length > 0 && (
          <>
            <div className="mb-3 flex flex-wrap items-center gap-2">
              <SearchInput
                label={t('filter')}
                small
                className="w-60 max-sm:w-full"
                value={needle}
                onChange={(event) => setNeedle(event.target.value)}
              />
              <NestFilter
                nests={known}
                nest={nest}
                onPick={(to) => void navigate({ to: '/eggs', search: to ? { nest: to } : {}, replace: true })}
              />
            </div>
            <Card className="mb-6 overflow-x-auto">
              <EggTable
                eggs={shown}
                nests={known}
                empty={needle === '' && nest === undefined}
                onMove={setMoving}
                onRename={setNesting}
                onDelete={setRemoving}
              />
            </Card>
          </>
        )}
        <div className="mb-6">{zone}</div>
        <StarterTiles thenCreate={false} most={12} />
      </div>
      <EggMoveDialog egg={moving} onClose={() => setMoving(undefined)} />
      <NestDialog nesting={nesting} onClose={() => setNesting(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={removing ? words('delete.title', { name: removing.name }) : ''}
        verb={words('delete')}
        failed={words('delete.failed')}
        list={keys.nests}
        take={({ id }) => must(api.DELETE('/nests/{nest}', { params: { path: { nest: id } } }))}
      >
        {words('delete.note')}
      </TakeBack>
    </Page>
  )
}
