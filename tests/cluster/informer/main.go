// Command informer runs client-go dynamic informers against a cluster and
// counts breaches of the list/watch contract, at two levels:
//
//	raw      what the server sent (every LIST page and WATCH event that the
//	         reflector took), seen by a recording dynamic client
//	handler  what the informer told its event handlers
//
// and, at the end, compares the informer's store with a fresh LIST.
// It prints one JSON line. Exit code: 0 no violation, 1 violations, 2 error.
//
// To build it: go mod tidy && go build -o "$KUBEBUILDER_ASSETS/informer" .
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	clientfeatures "k8s.io/client-go/features"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// Violations: every field is a count of something that must not happen.
type Violations struct {
	// raw: the server's own stream
	RawAddedKnown      int `json:"raw_added_known_uid"`
	RawAddedKnownKey   int `json:"raw_added_key_held_by_other_uid"`
	RawDeletedUnknown  int `json:"raw_deleted_unknown_uid"`
	RawModifiedUnknown int `json:"raw_modified_unknown_uid"`
	RawModifiedLower   int `json:"raw_modified_lower_rv"`
	RawModifiedEqual   int `json:"raw_modified_equal_rv"`
	RawStreamOrder     int `json:"raw_event_rv_not_increasing"`
	RawListDuplicate   int `json:"raw_list_duplicate"`
	RawRelistLower     int `json:"raw_relist_object_lower_rv"`
	RawRelistRVBack    int `json:"raw_relist_collection_rv_backwards"`
	RawBadRV           int `json:"raw_unparsable_rv"`
	// handler: what OnAdd/OnUpdate/OnDelete were given
	AddedKnown       int `json:"added_known_uid"`
	DeletedUnknown   int `json:"deleted_unknown_uid"`
	ModifiedLower    int `json:"modified_lower_rv"`
	ModifiedUnknown  int `json:"modified_unknown_uid"`
	HandlerVsStore   int `json:"handler_store_mismatch"`
	StoreMissing     int `json:"store_missing"`
	StoreExtra       int `json:"store_extra"`
	StoreStale       int `json:"store_stale_rv"`
	StoreContentDiff int `json:"store_content_diff"`
	NotSynced        int `json:"not_synced"`
	FinalListFailed  int `json:"final_list_failed"`
}

// Info: counts of things that may happen.
type Info struct {
	Lists            int `json:"lists"`
	ListPages        int `json:"list_pages"`
	ListErrors       int `json:"list_errors"`
	Watches          int `json:"watches"`
	WatchListWatches int `json:"watchlist_watches"`
	WatchErrors      int `json:"watch_errors"`
	InitialEnds      int `json:"initial_events_end"`
	RawAdded         int `json:"raw_added"`
	RawModified      int `json:"raw_modified"`
	RawDeleted       int `json:"raw_deleted"`
	RawBookmarks     int `json:"raw_bookmarks"`
	RawErrorEvents   int `json:"raw_error_events"`
	Adds             int `json:"adds"`
	Updates          int `json:"updates"`
	UpdatesSameRV    int `json:"updates_same_rv"`
	UpdatesNewUID    int `json:"updates_replaced_uid"`
	Deletes          int `json:"deletes"`
	DeletesUnknown   int `json:"deletes_final_state_unknown"`
	Store            int `json:"store"`
	List             int `json:"list"`
	CompareTries     int `json:"compare_tries"`
}

type entry struct {
	key string
	rv  *big.Int
}

type rawState struct {
	uids map[types.UID]entry
	keys map[string]types.UID
}

func newRaw() *rawState {
	return &rawState{uids: map[types.UID]entry{}, keys: map[string]types.UID{}}
}

type tracker struct {
	gvr schema.GroupVersionResource

	mu       sync.Mutex
	v        Violations
	i        Info
	samples  []string
	raw      *rawState // as the server has told, over all lists and watches
	building *rawState // a list, or a watch's initial events, under way
	lastRV   *big.Int  // newest collection version seen
	handler  map[types.UID]*big.Int
}

const maxSamples = 8

func (t *tracker) bad(n *int, format string, a ...any) {
	*n++
	if len(t.samples) < maxSamples {
		t.samples = append(t.samples, fmt.Sprintf(format, a...))
	}
}

func (t *tracker) rv(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.bad(&t.v.RawBadRV, "resourceVersion %q is no decimal number", s)
		return new(big.Int)
	}
	return n
}

func keyOf(o metav1.Object) string { return o.GetNamespace() + "/" + o.GetName() }

// commit makes the state that a list (or initial events) built the known one.
func (t *tracker) commit(collectionRV *big.Int) {
	for uid, e := range t.building.uids {
		if old, ok := t.raw.uids[uid]; ok && e.rv.Cmp(old.rv) < 0 {
			t.bad(&t.v.RawRelistLower, "relist: %s uid %s rv %s after %s", e.key, uid, e.rv, old.rv)
		}
	}
	if t.lastRV != nil && collectionRV.Cmp(t.lastRV) < 0 {
		t.bad(&t.v.RawRelistRVBack, "relist: collection rv %s after %s", collectionRV, t.lastRV)
	}
	t.lastRV = collectionRV
	t.raw, t.building = t.building, nil
}

// ---- recording dynamic client ----

type recClient struct {
	dynamic.Interface
	trackers map[schema.GroupVersionResource]*tracker
}

func (c *recClient) Resource(gvr schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return &recNS{c.Interface.Resource(gvr), c.trackers[gvr]}
}

type recNS struct {
	dynamic.NamespaceableResourceInterface
	t *tracker
}

func (r *recNS) Namespace(ns string) dynamic.ResourceInterface {
	return &recRes{r.NamespaceableResourceInterface.Namespace(ns), r.t}
}

type recRes struct {
	dynamic.ResourceInterface
	t *tracker
}

func (r *recRes) List(ctx context.Context, o metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	l, err := r.ResourceInterface.List(ctx, o)
	t := r.t
	t.mu.Lock()
	defer t.mu.Unlock()
	t.i.ListPages++
	if err != nil {
		t.i.ListErrors++
		return l, err
	}
	if o.Continue == "" || t.building == nil {
		t.building = newRaw()
	}
	for k := range l.Items {
		it := &l.Items[k]
		key := keyOf(it)
		if _, dup := t.building.uids[it.GetUID()]; dup {
			t.bad(&t.v.RawListDuplicate, "list: uid %s twice (%s)", it.GetUID(), key)
		} else if _, dup := t.building.keys[key]; dup {
			t.bad(&t.v.RawListDuplicate, "list: %s twice", key)
		}
		t.building.uids[it.GetUID()] = entry{key, t.rv(it.GetResourceVersion())}
		t.building.keys[key] = it.GetUID()
	}
	if l.GetContinue() == "" {
		t.i.Lists++
		t.commit(t.rv(l.GetResourceVersion()))
	}
	return l, nil
}

func (r *recRes) Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	w, err := r.ResourceInterface.Watch(ctx, o)
	t := r.t
	t.mu.Lock()
	defer t.mu.Unlock()
	initial := o.SendInitialEvents != nil && *o.SendInitialEvents
	t.i.Watches++
	if initial {
		t.i.WatchListWatches++
	}
	if err != nil {
		t.i.WatchErrors++
		return w, err
	}
	rw := &recWatch{t: t, in: w, out: make(chan watch.Event), stop: make(chan struct{}), done: make(chan struct{}), initial: initial}
	if initial {
		t.building = newRaw()
	} else if o.ResourceVersion != "" && o.ResourceVersion != "0" {
		rw.last = t.rv(o.ResourceVersion)
	}
	go rw.run()
	return rw, nil
}

// recWatch hands events on one by one and records each once it was taken, so
// that an event read but not consumed (and so sent again) is not recorded.
type recWatch struct {
	t       *tracker
	in      watch.Interface
	out     chan watch.Event
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
	initial bool     // still in the initial events
	last    *big.Int // newest version in this stream, nil while not ordered
}

func (w *recWatch) ResultChan() <-chan watch.Event { return w.out }

func (w *recWatch) Stop() {
	w.once.Do(func() { close(w.stop); w.in.Stop() })
	<-w.done // nothing is recorded after this
}

func (w *recWatch) run() {
	defer close(w.out)
	defer close(w.done)
	for {
		select {
		case <-w.stop:
			return
		case ev, ok := <-w.in.ResultChan():
			if !ok {
				return
			}
			// Facts are taken before the hand-over: the consumer owns the
			// object afterwards.
			f := factsOf(ev)
			select {
			case <-w.stop:
				return
			case w.out <- ev:
				w.record(f)
			}
		}
	}
}

type facts struct {
	typ        watch.EventType
	key, rv    string
	uid        types.UID
	initialEnd bool
	object     bool
}

func factsOf(ev watch.Event) facts {
	f := facts{typ: ev.Type}
	if o, ok := ev.Object.(*unstructured.Unstructured); ok && ev.Type != watch.Error {
		f.object, f.key, f.uid, f.rv = true, keyOf(o), o.GetUID(), o.GetResourceVersion()
		f.initialEnd = o.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"
	}
	return f
}

func (w *recWatch) record(f facts) {
	t := w.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.typ == watch.Error || !f.object {
		t.i.RawErrorEvents++
		return
	}
	rv := t.rv(f.rv)
	if f.typ == watch.Bookmark {
		t.i.RawBookmarks++
		if w.last != nil && rv.Cmp(w.last) < 0 {
			t.bad(&t.v.RawStreamOrder, "bookmark rv %s after %s", rv, w.last)
		}
		if w.initial && f.initialEnd {
			t.i.InitialEnds++
			w.initial = false
			t.commit(rv)
		}
		if !w.initial {
			w.last, t.lastRV = rv, rv
		}
		return
	}
	s := t.raw
	if w.initial {
		s = t.building
	} else {
		if w.last != nil && rv.Cmp(w.last) <= 0 {
			t.bad(&t.v.RawStreamOrder, "%s %s rv %s after %s", f.typ, f.key, rv, w.last)
		}
		w.last, t.lastRV = rv, rv
	}
	old, known := s.uids[f.uid]
	switch f.typ {
	case watch.Added:
		t.i.RawAdded++
		if known {
			t.bad(&t.v.RawAddedKnown, "ADDED %s uid %s rv %s, known at rv %s", f.key, f.uid, rv, old.rv)
		} else if o, ok := s.keys[f.key]; ok {
			t.bad(&t.v.RawAddedKnownKey, "ADDED %s uid %s, but uid %s was not deleted", f.key, f.uid, o)
			delete(s.uids, o)
		}
	case watch.Modified:
		t.i.RawModified++
		switch {
		case !known:
			t.bad(&t.v.RawModifiedUnknown, "MODIFIED %s uid %s rv %s, unknown", f.key, f.uid, rv)
		case rv.Cmp(old.rv) < 0:
			t.bad(&t.v.RawModifiedLower, "MODIFIED %s uid %s rv %s after %s", f.key, f.uid, rv, old.rv)
		case rv.Cmp(old.rv) == 0:
			t.bad(&t.v.RawModifiedEqual, "MODIFIED %s uid %s rv %s again", f.key, f.uid, rv)
		}
	case watch.Deleted:
		t.i.RawDeleted++
		if !known {
			t.bad(&t.v.RawDeletedUnknown, "DELETED %s uid %s rv %s, unknown", f.key, f.uid, rv)
		}
		delete(s.uids, f.uid)
		if s.keys[f.key] == f.uid {
			delete(s.keys, f.key)
		}
		return
	}
	s.uids[f.uid] = entry{f.key, rv}
	s.keys[f.key] = f.uid
}

// ---- handlers ----

func (t *tracker) OnAdd(obj any, _ bool) {
	o := obj.(*unstructured.Unstructured)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.i.Adds++
	if old, ok := t.handler[o.GetUID()]; ok {
		t.bad(&t.v.AddedKnown, "OnAdd %s uid %s rv %s, known at rv %s", keyOf(o), o.GetUID(), o.GetResourceVersion(), old)
	}
	t.handler[o.GetUID()] = t.rv(o.GetResourceVersion())
}

func (t *tracker) OnUpdate(oldObj, newObj any) {
	a, b := oldObj.(*unstructured.Unstructured), newObj.(*unstructured.Unstructured)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.i.Updates++
	rv := t.rv(b.GetResourceVersion())
	if a.GetUID() != b.GetUID() {
		// deleted and made again under one name while the watch was down
		t.i.UpdatesNewUID++
		if _, ok := t.handler[a.GetUID()]; !ok {
			t.bad(&t.v.DeletedUnknown, "OnUpdate %s replaces uid %s, unknown", keyOf(a), a.GetUID())
		}
		delete(t.handler, a.GetUID())
		if _, ok := t.handler[b.GetUID()]; ok {
			t.bad(&t.v.AddedKnown, "OnUpdate %s brings uid %s, known", keyOf(b), b.GetUID())
		}
		t.handler[b.GetUID()] = rv
		return
	}
	old, ok := t.handler[b.GetUID()]
	switch {
	case !ok:
		t.bad(&t.v.ModifiedUnknown, "OnUpdate %s uid %s, unknown", keyOf(b), b.GetUID())
	case rv.Cmp(old) < 0:
		t.bad(&t.v.ModifiedLower, "OnUpdate %s uid %s rv %s after %s", keyOf(b), b.GetUID(), rv, old)
	case rv.Cmp(old) == 0:
		t.i.UpdatesSameRV++
	}
	t.handler[b.GetUID()] = rv
}

func (t *tracker) OnDelete(obj any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.i.Deletes++
	if d, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		t.i.DeletesUnknown++
		obj = d.Obj
	}
	o, ok := obj.(*unstructured.Unstructured)
	if !ok {
		t.bad(&t.v.DeletedUnknown, "OnDelete of a %T", obj)
		return
	}
	if _, ok := t.handler[o.GetUID()]; !ok {
		t.bad(&t.v.DeletedUnknown, "OnDelete %s uid %s, unknown", keyOf(o), o.GetUID())
	}
	delete(t.handler, o.GetUID())
}

// ---- the end ----

// compare sets the store's counts against a fresh LIST. Objects newer than the
// list are left out of judgement. It reports whether all agreed.
func (t *tracker) compare(ctx context.Context, c dynamic.Interface, inf cache.SharedIndexInformer, o metav1.ListOptions, content bool) bool {
	l, err := c.Resource(t.gvr).List(ctx, o)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.i.CompareTries++
	t.v.StoreMissing, t.v.StoreExtra, t.v.StoreStale, t.v.StoreContentDiff, t.v.HandlerVsStore, t.v.FinalListFailed = 0, 0, 0, 0, 0, 0
	if err != nil {
		t.v.FinalListFailed = 1
		fmt.Fprintf(os.Stderr, "%s: final list: %v\n", t.gvr, err)
		return false
	}
	// The store is read under t.mu, after the list: it can only be ahead.
	store := map[types.UID]*unstructured.Unstructured{}
	for _, x := range inf.GetStore().List() {
		o := x.(*unstructured.Unstructured)
		store[o.GetUID()] = o
	}
	t.i.Store, t.i.List = len(store), len(l.Items)
	listRV := t.rv(l.GetResourceVersion())
	ahead := t.lastRV != nil && t.lastRV.Cmp(listRV) > 0
	listed := map[types.UID]bool{}
	for k := range l.Items {
		it := &l.Items[k]
		uid := it.GetUID()
		listed[uid] = true
		o, ok := store[uid]
		if !ok {
			if _, ok := t.raw.uids[uid]; ok || !ahead || content {
				t.v.StoreMissing++
			}
			continue
		}
		a, b := t.rv(o.GetResourceVersion()), t.rv(it.GetResourceVersion())
		if content {
			// Replicas number rows on their own.
			it.SetResourceVersion(o.GetResourceVersion())
			b = a
		}
		switch {
		case a.Cmp(b) == 0:
			if !apiequality.Semantic.DeepEqual(o.Object, it.Object) {
				t.v.StoreContentDiff++
			}
		case a.Cmp(listRV) > 0: // changed after the list
		default:
			t.v.StoreStale++
		}
	}
	for uid, o := range store {
		if !listed[uid] && (content || t.rv(o.GetResourceVersion()).Cmp(listRV) <= 0) {
			t.v.StoreExtra++
		}
		if rv, ok := t.handler[uid]; !ok || rv.String() != o.GetResourceVersion() {
			t.v.HandlerVsStore++
		}
	}
	for uid := range t.handler {
		if _, ok := store[uid]; !ok {
			t.v.HandlerVsStore++
		}
	}
	v := t.v
	return v.StoreMissing+v.StoreExtra+v.StoreStale+v.StoreContentDiff+v.HandlerVsStore == 0
}

type result struct {
	Resource   string     `json:"resource"`
	Synced     bool       `json:"synced"`
	SyncMillis int64      `json:"sync_ms"`
	Violations Violations `json:"violations"`
	Info       Info       `json:"info"`
	Samples    []string   `json:"samples,omitempty"`
}

func parseGVR(s string) (schema.GroupVersionResource, error) {
	p := strings.Split(s, "/")
	switch {
	case len(p) == 2 && p[0] != "" && p[1] != "": // v1/pods
		return schema.GroupVersionResource{Version: p[0], Resource: p[1]}, nil
	case len(p) == 3 && p[1] != "" && p[2] != "": // apps/v1/deployments, /v1/pods, core/v1/pods
		if p[0] == "core" {
			p[0] = ""
		}
		return schema.GroupVersionResource{Group: p[0], Version: p[1], Resource: p[2]}, nil
	}
	return schema.GroupVersionResource{}, fmt.Errorf("not group/version/resource: %q", s)
}

func fatal(a ...any) {
	fmt.Fprintln(os.Stderr, a...)
	os.Exit(2)
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig `file`")
	duration := flag.Duration("duration", 30*time.Second, "how long to run after the start")
	resources := flag.String("resources", "/v1/namespaces", "comma-separated group/version/resource; /v1/pods for the core group")
	mode := flag.String("mode", "watchlist", "watchlist or list: how the informers get their first state")
	settle := flag.Duration("settle", 10*time.Second, "how long the store may take to agree with a fresh list at the end")
	resync := flag.Duration("resync", 0, "informers' resync period")
	labels := flag.String("labels", "", "label `selector` of the informers")
	fields := flag.String("fields", "", "field `selector` of the informers")
	content := flag.Bool("content", false, "compare the store with the list at the end by content alone, not by version")
	flag.Parse()
	if *mode != "watchlist" && *mode != "list" {
		fatal("-mode: watchlist or list")
	}
	// client-go's feature gates are read from the environment at first use.
	os.Setenv("KUBE_FEATURE_"+string(clientfeatures.WatchListClient), fmt.Sprint(*mode == "watchlist"))
	if clientfeatures.FeatureGates().Enabled(clientfeatures.WatchListClient) != (*mode == "watchlist") {
		fatal("client-go's WatchListClient gate did not follow -mode")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fatal(err)
	}
	cfg.QPS = -1
	cfg.UserAgent = "informer-check"
	real, err := dynamic.NewForConfig(cfg)
	if err != nil {
		fatal(err)
	}
	rec := &recClient{real, map[schema.GroupVersionResource]*tracker{}}
	selected := func(o *metav1.ListOptions) { o.LabelSelector, o.FieldSelector = *labels, *fields }
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(rec, *resync, metav1.NamespaceAll, selected)
	var order []*tracker
	infs := map[*tracker]cache.SharedIndexInformer{}
	for _, s := range strings.Split(*resources, ",") {
		gvr, err := parseGVR(strings.TrimSpace(s))
		if err != nil {
			fatal(err)
		}
		if rec.trackers[gvr] != nil {
			continue
		}
		t := &tracker{gvr: gvr, raw: newRaw(), handler: map[types.UID]*big.Int{}}
		rec.trackers[gvr] = t
		inf := factory.ForResource(gvr).Informer()
		if _, err := inf.AddEventHandler(t); err != nil {
			fatal(err)
		}
		infs[t] = inf
		order = append(order, t)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	// The informers outlive an interrupt, for the comparison at the end.
	stop := make(chan struct{})
	start := time.Now()
	factory.Start(stop)
	syncAt := make([]int64, len(order))
	var wg sync.WaitGroup
	run, endRun := context.WithTimeout(ctx, *duration)
	defer endRun()
	for k, t := range order {
		wg.Go(func() {
			syncAt[k] = -1
			if cache.WaitForCacheSync(run.Done(), infs[t].HasSynced) {
				syncAt[k] = time.Since(start).Milliseconds()
			}
		})
	}
	<-run.Done()
	wg.Wait()

	out := struct {
		Mode       string   `json:"mode"`
		Seconds    float64  `json:"seconds"`
		Violations int      `json:"violations"`
		Resources  []result `json:"resources"`
	}{Mode: *mode}
	end := context.Background()
	var all metav1.ListOptions
	selected(&all)
	for k, t := range order {
		deadline := time.Now().Add(*settle)
		for !t.compare(end, real, infs[t], all, *content) && time.Now().Before(deadline) {
			time.Sleep(250 * time.Millisecond)
		}
		r := result{Resource: fmt.Sprintf("%s/%s/%s", t.gvr.Group, t.gvr.Version, t.gvr.Resource), Synced: syncAt[k] >= 0, SyncMillis: syncAt[k]}
		t.mu.Lock()
		if !infs[t].HasSynced() {
			t.v.NotSynced = 1
		}
		r.Violations, r.Info, r.Samples = t.v, t.i, append([]string(nil), t.samples...)
		t.mu.Unlock()
		b, _ := json.Marshal(r.Violations)
		var m map[string]int
		if err := json.Unmarshal(b, &m); err != nil {
			fatal(err)
		}
		for _, n := range m {
			out.Violations += n
		}
		out.Resources = append(out.Resources, r)
	}
	out.Seconds = time.Since(start).Round(time.Millisecond).Seconds()
	close(stop)
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fatal(err)
	}
	if out.Violations > 0 {
		os.Exit(1)
	}
}
