// Keeps writing, and reading from replicas, through redigo and FZambia's sentinel package: redigo_writer <name> <port>...
//
// Prints the lines that ioredis_writer.js prints. Ends on SIGTERM.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/FZambia/sentinel"
	"github.com/gomodule/redigo/redis"
)

const timeout = 500 * time.Millisecond

var printing sync.Mutex

func say(line map[string]interface{}) {
	text, _ := json.Marshal(line)
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(string(text))
}

func now() int64 { return time.Now().UnixNano() / int64(time.Millisecond) }

func dial(address string) (redis.Conn, error) {
	return redis.Dial("tcp", address, redis.DialConnectTimeout(timeout), redis.DialReadTimeout(timeout),
		redis.DialWriteTimeout(timeout))
}

// pool takes its connections from find, and tests before each use that the node still has the role.
func pool(role string, find func() (string, error)) *redis.Pool {
	return &redis.Pool{
		MaxIdle: 2,
		Dial: func() (redis.Conn, error) {
			address, err := find()
			if err != nil {
				return nil, err
			}
			connection, err := dial(address)
			if err == nil && !sentinel.TestRole(connection, role) {
				connection.Close()
				return nil, errors.New(address + " is not a " + role)
			}
			return connection, err
		},
		TestOnBorrow: func(connection redis.Conn, _ time.Time) error {
			if !sentinel.TestRole(connection, role) {
				return errors.New("not a " + role)
			}
			return nil
		},
	}
}

// repeat calls once with a connection of the pool, for ever.
func repeat(nodes *redis.Pool, once func(redis.Conn) error) {
	for ; ; time.Sleep(5 * time.Millisecond) {
		connection := nodes.Get()
		if err := once(connection); err != nil {
			say(map[string]interface{}{"error": err.Error()})
		}
		connection.Close()
	}
}

func portOf(connection redis.Conn) (int, error) {
	pair, err := redis.Strings(connection.Do("CONFIG", "GET", "port"))
	if err != nil || len(pair) != 2 {
		return 0, err
	}
	return strconv.Atoi(pair[1])
}

func main() {
	finder := &sentinel.Sentinel{MasterName: os.Args[1], Dial: dial}
	for _, port := range os.Args[2:] {
		finder.Addrs = append(finder.Addrs, net.JoinHostPort("127.0.0.1", port))
	}
	replica := func() (string, error) {
		replicas, err := finder.Slaves()
		for _, one := range replicas {
			if one.Available() {
				return one.Addr(), nil
			}
		}
		if err == nil {
			err = errors.New("no replica is available")
		}
		return "", err
	}
	go repeat(pool("slave", replica), func(connection redis.Conn) error {
		value, err := redis.Int(connection.Do("GET", "redigo"))
		if err != nil && err != redis.ErrNil {
			return err
		}
		port, err := portOf(connection)
		if err == nil {
			say(map[string]interface{}{"read": value, "port": port, "at": now()})
		}
		return err
	})
	written := 0
	repeat(pool("master", finder.MasterAddr), func(connection redis.Conn) error {
		if _, err := connection.Do("SET", "redigo", written+1); err != nil {
			return err
		}
		written++
		port, err := portOf(connection)
		if err == nil {
			say(map[string]interface{}{"ok": written, "port": port, "at": now()})
		}
		return err
	})
}
