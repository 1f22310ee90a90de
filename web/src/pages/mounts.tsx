import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { mountsQuery } from '~/api/mounts'
import { keys } from '~/api/queries'
import type { Mount } from '~/api/types'
import { TakeBack } from '~/components/credentials'
import { MountTable } from '~/components/mount-table'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { MountDialog } from '~/forms/mount-edit'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'

const t = texts('mounts')
const shell = texts('shell')

export function MountsPage() {
  const search = useSearch({ from: '/app/mounts' })
  const navigate = useNavigate({ from: '/mounts' })
  const mounts = useQuery(mountsQuery)
  const { may } = useMay()
  const [changing, setChanging] = useState<Mount>()
  const [removing, setRemoving] = useState<Mount>()
  usePage(shell('place.mounts'))
  const setNew = (open: boolean) => void navigate({ search: open ? { new: true } : {}, replace: true })
  const off = may('mount.create') ? false : t('off.create')
  return (
    <Page>
      <PageHead title={shell('place.mounts')} note={mounts.data?.length}>
        <Button look="primary" icon={Plus} off={off} onClick={() => setNew(true)}>
          {t('new')}
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">{t('note')}</p>
      {mounts.isError && <ProblemView error={mounts.error} onRetry={() => void mounts.refetch()} />}
      {mounts.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {mounts.data && (
        <Card>
          {mounts.data.length === 0 ? (
            <Empty
              title={t('none')}
              action={
                <Button icon={Plus} off={off} onClick={() => setNew(true)}>
                  {t('new')}
                </Button>
              }
            >
              {t('none_why')}
            </Empty>
          ) : (
            <MountTable mounts={mounts.data} onChange={setChanging} onDelete={setRemoving} />
          )}
        </Card>
      )}
      <MountDialog
        editing={search.new === true ? 'new' : changing}
        onClose={() => (search.new ? setNew(false) : setChanging(undefined))}
      />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={removing ? t('delete.title', { name: removing.name }) : ''}
        verb={t('delete')}
        failed={t('delete.failed')}
        list={keys.mounts}
        take={({ id }) => must(api.DELETE('/mounts/{mount}', { params: { path: { mount: id } } }))}
      >
        {t('delete.note')}
      </TakeBack>
    </Page>
  )
}
