package checks

// deadlines is a heap of tasks by the time each is next looked at. A task
// remembers its place, so moving or removing one costs O(log n).
//
// A place is allowed to be too early: whoever postpones a task just changes the
// task, and the clock moves it when its old time comes. A heartbeat therefore
// does not touch the heap.
type deadlines struct {
	items []deadline
}

// deadline holds its time beside the task: sifting compares neighbours in the
// slice instead of following pointers.
type deadline struct {
	at   moment
	task *task
}

// first returns the task looked at next, and when; nil when there is none.
func (d *deadlines) first() (*task, moment) {
	if len(d.items) == 0 {
		return nil, 0
	}
	return d.items[0].task, d.items[0].at
}

// atMost makes sure that t is looked at no later than at. It reports whether t
// is now the first.
func (d *deadlines) atMost(t *task, at moment) bool {
	switch {
	case t.place < 0:
		t.place = int32(len(d.items))
		d.items = append(d.items, deadline{at, t})
	case at < d.items[t.place].at:
		d.items[t.place].at = at
	default:
		return false
	}
	d.up(int(t.place))
	return t.place == 0
}

// move puts t, which is in the heap, to at.
func (d *deadlines) move(t *task, at moment) {
	i := int(t.place)
	d.items[i].at = at
	if !d.up(i) {
		d.down(i)
	}
}

// remove takes t out, if it is in.
func (d *deadlines) remove(t *task) {
	i := int(t.place)
	if i < 0 {
		return
	}
	t.place = -1
	last := len(d.items) - 1
	moved := d.items[last]
	d.items[last] = deadline{} // let go of the task
	d.items = d.items[:last]
	if i == last {
		return
	}
	d.put(i, moved)
	if !d.up(i) {
		d.down(i)
	}
}

func (d *deadlines) put(i int, e deadline) {
	d.items[i] = e
	e.task.place = int32(i)
}

// up moves the entry at i towards the root and reports whether it moved.
func (d *deadlines) up(i int) bool {
	e, start := d.items[i], i
	for i > 0 {
		parent := (i - 1) / 2
		if d.items[parent].at <= e.at {
			break
		}
		d.put(i, d.items[parent])
		i = parent
	}
	d.put(i, e)
	return i != start
}

// down moves the entry at i away from the root.
func (d *deadlines) down(i int) {
	e := d.items[i]
	for {
		child := 2*i + 1
		if child >= len(d.items) {
			break
		}
		if r := child + 1; r < len(d.items) && d.items[r].at < d.items[child].at {
			child = r
		}
		if e.at <= d.items[child].at {
			break
		}
		d.put(i, d.items[child])
		i = child
	}
	d.put(i, e)
}
