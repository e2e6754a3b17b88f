// Carries out calls with franz-go: reads one a line, prints one line about each.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	absent = "-"
	limit  = 30 * time.Second
)

// A call as written: `name key=value key=value`.
type call struct {
	name      string
	arguments map[string]string
}

func parse(line string) call {
	words := strings.Fields(line)
	arguments := map[string]string{}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		arguments[key] = value
	}
	return call{words[0], arguments}
}

func (c call) has(key string) bool    { _, has := c.arguments[key]; return has }
func (c call) text(key string) string { return c.arguments[key] }
func (c call) topic() string          { return c.arguments["topic"] }
func (c call) group() string          { return c.arguments["group"] }
func (c call) partition() int32       { return int32(c.number("partition")) }

func (c call) number(key string) int64 {
	number, _ := strconv.ParseInt(c.arguments[key], 10, 64)
	return number
}

func (c call) items(key string) []string {
	if !c.has(key) {
		return nil
	}
	return strings.Split(c.arguments[key], ",")
}

func (c call) values() []string {
	if c.has("length") {
		return []string{strings.Repeat("v", int(c.number("length")))}
	}
	return c.items("values")
}

type client struct {
	bootstrap string
	admin     *kadm.Client
	joined    map[string][]*member
}

type method func(context.Context, call) (string, error)

func main() {
	admin, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]))
	if err != nil {
		panic(err)
	}
	c := &client{os.Args[1], kadm.NewClient(admin), map[string][]*member{}}
	methods := map[string]method{
		"create": c.create, "delete": c.delete, "topics": c.topics, "describe": c.describe, "grow": c.grow,
		"configs": c.configs, "configure": c.configure, "produce": c.produce, "read": c.read, "offset": c.offset,
		"truncate": c.truncate, "commit": c.commit, "committed": c.committed, "groups": c.groups, "group": c.describeGroup,
		"forget": c.forget, "forget-offset": c.forgetOffset, "join": c.join, "take": c.take, "save": c.save,
		"leave": c.leave, "transact": c.transact,
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(answer(methods, parse(lines.Text())))
	}
}

func answer(methods map[string]method, asked call) string {
	method, known := methods[asked.name]
	if !known {
		return absent
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	said, err := method(ctx, asked)
	var refused *kerr.Error
	switch {
	case err == nil:
		return strings.ReplaceAll(said, "\n", " ")
	case errors.As(err, &refused):
		return "! " + refused.Message
	case errors.Is(err, context.DeadlineExceeded):
		return "! DeadlineExceeded"
	default:
		return "! " + strings.ReplaceAll(err.Error(), "\n", " ")
	}
}

func done(err error) (string, error) { return "done", err }

func (c *client) new(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(options, kgo.SeedBrokers(c.bootstrap))...)
}

func (c *client) create(ctx context.Context, asked call) (string, error) {
	configs := map[string]*string{}
	for _, pair := range asked.items("configs") {
		name, value, _ := strings.Cut(pair, ":")
		configs[name] = &value
	}
	replication := int16(1)
	if asked.has("replication") {
		replication = int16(asked.number("replication"))
	}
	made, err := c.admin.CreateTopic(ctx, int32(asked.number("partitions")), replication, configs, asked.topic())
	return done(errors.Join(err, made.Err))
}

func (c *client) delete(ctx context.Context, asked call) (string, error) {
	gone, err := c.admin.DeleteTopic(ctx, asked.topic())
	return done(errors.Join(err, gone.Err))
}

func prefixed(names []string, asked call) string {
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, asked.text("prefix")) })
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (c *client) topics(ctx context.Context, asked call) (string, error) {
	found, err := c.admin.ListTopics(ctx)
	return prefixed(found.Names(), asked), err
}

func (c *client) describe(ctx context.Context, asked call) (string, error) {
	found, err := c.admin.ListTopics(ctx, asked.topic())
	if err == nil {
		err = found[asked.topic()].Err
	}
	var parts []string
	for _, one := range found[asked.topic()].Partitions.Sorted() {
		parts = append(parts, fmt.Sprintf("%d: leader %d of %v in sync %v", one.Partition, one.Leader, one.Replicas, one.ISR))
	}
	return strings.Join(parts, "; "), err
}

func (c *client) grow(ctx context.Context, asked call) (string, error) {
	grown, err := c.admin.UpdatePartitions(ctx, int(asked.number("partitions")), asked.topic())
	return done(errors.Join(err, grown[asked.topic()].Err))
}

func (c *client) configs(ctx context.Context, asked call) (string, error) {
	found, err := c.admin.DescribeTopicConfigs(ctx, asked.topic())
	if err != nil {
		return "", err
	}
	resource, err := found.On(asked.topic(), nil)
	var parts []string
	for _, name := range asked.items("names") {
		for _, config := range resource.Configs {
			if config.Key == name {
				parts = append(parts, fmt.Sprintf("%s=%s (%s)", name, config.MaybeValue(), config.Source))
			}
		}
	}
	return strings.Join(parts, ", "), errors.Join(err, resource.Err)
}

func (c *client) configure(ctx context.Context, asked call) (string, error) {
	var changes []kadm.AlterConfig
	for _, pair := range asked.items("set") {
		name, value, _ := strings.Cut(pair, ":")
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	for _, name := range asked.items("delete") {
		changes = append(changes, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: name})
	}
	changed, err := c.admin.AlterTopicConfigs(ctx, changes, asked.topic())
	if err != nil {
		return "", err
	}
	one, err := changed.On(asked.topic(), nil)
	return done(errors.Join(err, one.Err))
}

func (c *client) produce(ctx context.Context, asked call) (string, error) {
	codecs := map[string]kgo.CompressionCodec{
		"": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	options := []kgo.Opt{
		kgo.ProducerBatchCompression(codecs[asked.text("compression")]), kgo.ProducerBatchMaxBytes(16_000_000),
		kgo.ProducerLinger(50 * time.Millisecond), kgo.RecordRetries(5), kgo.UnknownTopicRetries(1),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}
	if asked.text("idempotent") != "true" {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	if asked.text("acks") == "1" {
		options = append(options, kgo.RequiredAcks(kgo.LeaderAck()))
	}
	producer, err := c.new(options...)
	if err != nil {
		return "", err
	}
	defer producer.Close()
	var records []*kgo.Record
	for _, value := range asked.values() {
		record := &kgo.Record{Topic: asked.topic(), Partition: asked.partition(), Value: []byte(value)}
		if asked.has("key") {
			record.Key = []byte(asked.text("key"))
		}
		if asked.has("time") {
			record.Timestamp = time.UnixMilli(asked.number("time"))
		}
		for _, pair := range asked.items("headers") {
			name, text, _ := strings.Cut(pair, ":")
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(text)})
		}
		records = append(records, record)
	}
	sent := producer.ProduceSync(ctx, records...)
	var offsets []string
	for _, one := range sent {
		offsets = append(offsets, strconv.FormatInt(one.Record.Offset, 10))
	}
	return strings.Join(offsets, ", "), sent.FirstErr()
}

func shown(record *kgo.Record) string {
	text := func(some []byte) string {
		if some == nil {
			return "null"
		}
		return string(some)
	}
	line := fmt.Sprintf("%d %s=%s", record.Offset, text(record.Key), text(record.Value))
	for _, header := range record.Headers {
		line += fmt.Sprintf(" %s:%s", header.Key, header.Value)
	}
	return fmt.Sprintf("%s @%d", line, record.Timestamp.UnixMilli())
}

func (c *client) read(ctx context.Context, asked call) (string, error) {
	from := map[int32]kgo.Offset{asked.partition(): kgo.NewOffset().At(asked.number("from"))}
	options := []kgo.Opt{
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{asked.topic(): from}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	}
	if asked.text("isolation") == "read_committed" {
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	consumer, err := c.new(options...)
	if err != nil {
		return "", err
	}
	defer consumer.Close()
	var seen []string
	for len(seen) < int(asked.number("count")) {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return "", err
		}
		fetches.EachRecord(func(record *kgo.Record) { seen = append(seen, shown(record)) })
	}
	return strings.Join(seen[:asked.number("count")], ", "), nil
}

func (c *client) offset(ctx context.Context, asked call) (string, error) {
	list := map[string]func(context.Context, ...string) (kadm.ListedOffsets, error){
		"earliest": c.admin.ListStartOffsets, "latest": c.admin.ListEndOffsets, "newest": c.admin.ListMaxTimestampOffsets,
	}[asked.text("at")]
	if list == nil {
		list = func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return c.admin.ListOffsetsAfterMilli(ctx, asked.number("at"), topics...)
		}
	}
	listed, err := list(ctx, asked.topic())
	one, _ := listed.Lookup(asked.topic(), asked.partition())
	return fmt.Sprintf("%d @%d epoch %d", one.Offset, one.Timestamp, one.LeaderEpoch), errors.Join(err, one.Err)
}

func (c *client) truncate(ctx context.Context, asked call) (string, error) {
	offsets := kadm.Offsets{}
	offsets.AddOffset(asked.topic(), asked.partition(), asked.number("before"), -1)
	deleted, err := c.admin.DeleteRecords(ctx, offsets)
	one, _ := deleted.Lookup(asked.topic(), asked.partition())
	return fmt.Sprintf("from %d", one.LowWatermark), errors.Join(err, one.Err)
}

func (c *client) commit(ctx context.Context, asked call) (string, error) {
	metadata := asked.text("metadata") + strings.Repeat("m", int(asked.number("metadata-length")))
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{
		Topic: asked.topic(), Partition: asked.partition(), At: asked.number("offset"), LeaderEpoch: -1, Metadata: metadata,
	})
	committed, err := c.admin.CommitOffsets(ctx, asked.group(), offsets)
	return done(errors.Join(err, committed.Error()))
}

func (c *client) committed(ctx context.Context, asked call) (string, error) {
	found, err := c.admin.FetchOffsets(ctx, asked.group())
	one, is := found.Lookup(asked.topic(), asked.partition())
	if err != nil || !is {
		return "nothing", err
	}
	return fmt.Sprintf("%d '%s'", one.At, one.Metadata), one.Err
}

func (c *client) groups(ctx context.Context, asked call) (string, error) {
	found, err := c.admin.ListGroups(ctx)
	return prefixed(found.Groups(), asked), err
}

func (c *client) describeGroup(ctx context.Context, asked call) (string, error) {
	described, err := c.admin.DescribeGroups(ctx, asked.group())
	if err != nil {
		return "", err
	}
	found := described[asked.group()]
	var members []string
	for _, member := range found.Members {
		if assigned, is := member.Assigned.AsConsumer(); is {
			for _, topic := range assigned.Topics {
				slices.Sort(topic.Partitions)
				members = append(members, fmt.Sprint(topic.Partitions))
			}
		}
	}
	slices.Sort(members)
	text := fmt.Sprintf("%s '%s' coordinated by %d%v", found.State, found.Protocol, found.Coordinator.NodeID, members)
	return text, found.Err
}

func (c *client) forget(ctx context.Context, asked call) (string, error) {
	gone, err := c.admin.DeleteGroup(ctx, asked.group())
	return done(errors.Join(err, gone.Err))
}

func (c *client) forgetOffset(ctx context.Context, asked call) (string, error) {
	set := kadm.TopicsSet{}
	set.Add(asked.topic(), asked.partition())
	gone, err := c.admin.DeleteOffsets(ctx, asked.group(), set)
	return done(errors.Join(err, gone.Error()))
}

func (c *client) transact(ctx context.Context, asked call) (string, error) {
	producer, err := c.new(kgo.TransactionalID(asked.text("id")))
	if err != nil {
		return "", err
	}
	defer producer.Close()
	_, _, err = producer.ProducerID(ctx)
	return done(err)
}

// A consumer in a group, which polls until it leaves.
type member struct {
	client *kgo.Client
	ended  chan struct{}

	mutex    sync.Mutex
	assigned map[int32]bool
	taken    map[string]bool
	failure  error
}

func (c *client) member(asked call) (*member, error) {
	m := &member{ended: make(chan struct{}), assigned: map[int32]bool{}, taken: map[string]bool{}}
	note := func(is bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			for _, partition := range changed[asked.topic()] {
				if is {
					m.assigned[partition] = true
				} else {
					delete(m.assigned, partition)
				}
			}
		}
	}
	options := []kgo.Opt{
		kgo.ConsumerGroup(asked.group()), kgo.ConsumeTopics(asked.topic()), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.OnPartitionsAssigned(note(true)), kgo.OnPartitionsRevoked(note(false)), kgo.OnPartitionsLost(note(false)),
	}
	if asked.has("assignor") {
		options = append(options, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	} else {
		options = append(options, kgo.Balancers(kgo.RangeBalancer()))
	}
	if asked.has("instance") {
		options = append(options, kgo.InstanceID(asked.text("instance")))
	}
	var err error
	if m.client, err = c.new(options...); err != nil {
		return nil, err
	}
	go m.run()
	return m, nil
}

func (m *member) run() {
	defer close(m.ended)
	for {
		fetches := m.client.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		m.mutex.Lock()
		m.failure = errors.Join(m.failure, fetches.Err())
		fetches.EachRecord(func(one *kgo.Record) {
			m.taken[fmt.Sprintf("%d/%d=%s", one.Partition, one.Offset, one.Value)] = true
		})
		m.mutex.Unlock()
	}
}

// What `look` finds, once it finds something.
func until(ctx context.Context, look func() (string, bool, error)) (string, error) {
	for {
		if found, is, err := look(); is || err != nil {
			return found, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (c *client) join(ctx context.Context, asked call) (string, error) {
	if asked.has("protocol") {
		return absent, nil
	}
	for range max(asked.number("members"), 1) {
		member, err := c.member(asked)
		if err != nil {
			return "", err
		}
		c.joined[asked.group()] = append(c.joined[asked.group()], member)
	}
	return until(ctx, func() (string, bool, error) {
		held := map[int32]bool{}
		var shares []string
		count := 0
		for _, member := range c.joined[asked.group()] {
			member.mutex.Lock()
			var share []int32
			for partition := range member.assigned {
				share, held[partition] = append(share, partition), true
			}
			failure := member.failure
			member.mutex.Unlock()
			if failure != nil {
				return "", false, failure
			}
			if len(share) == 0 {
				return "", false, nil
			}
			slices.Sort(share)
			count += len(share)
			if asked.has("assignor") {
				// Who gets what is drawn with the ids of the members there.
				shares = append(shares, strconv.Itoa(len(share)))
			} else {
				shares = append(shares, fmt.Sprint(share))
			}
		}
		slices.Sort(shares)
		wanted := int(asked.number("partitions"))
		return strings.Join(shares, " "), count == wanted && len(held) == wanted, nil
	})
}

func (c *client) take(ctx context.Context, asked call) (string, error) {
	return until(ctx, func() (string, bool, error) {
		// What was not committed comes again after a rebalance.
		all := map[string]bool{}
		for _, member := range c.joined[asked.group()] {
			member.mutex.Lock()
			for one := range member.taken {
				all[one] = true
			}
			member.mutex.Unlock()
		}
		var taken []string
		for one := range all {
			taken = append(taken, one)
		}
		slices.Sort(taken)
		return strings.Join(taken, ", "), len(taken) >= int(asked.number("count")), nil
	})
}

func (c *client) save(ctx context.Context, asked call) (string, error) {
	var all error
	for _, member := range c.joined[asked.group()] {
		all = errors.Join(all, member.client.CommitUncommittedOffsets(ctx))
	}
	return done(all)
}

func (c *client) leave(_ context.Context, asked call) (string, error) {
	for _, member := range c.joined[asked.group()] {
		member.client.Close()
		<-member.ended
	}
	delete(c.joined, asked.group())
	return "done", nil
}
