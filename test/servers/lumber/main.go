// lumber speaks Lumberjack by Elastic's own library, for test/daemon/beats.py and lumberjack.py:
//
//	lumber send ADDRESS EVENTS WINDOW LEVEL IN-FLIGHT [CA CERTIFICATE KEY]	version 2; "acked N" for each window, "done" at the end
//	lumber serve ADDRESS [CERTIFICATE KEY]		version 1; each event as JSON, a line each, then it is acknowledged
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/elastic/go-lumber/client/v2"
	server "github.com/elastic/go-lumber/server/v1"
)

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	check(err)
	return n
}

func dialer(files []string) func(network, address string) (net.Conn, error) {
	if len(files) == 0 {
		return net.Dial
	}
	ca, err := os.ReadFile(files[0])
	check(err)
	pair, err := tls.LoadX509KeyPair(files[1], files[2])
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	config := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, ServerName: "localhost"}
	return func(network, address string) (net.Conn, error) { return tls.Dial(network, address, config) }
}

func send(args []string) {
	events, window, level, inFlight := number(args[1]), number(args[2]), number(args[3]), number(args[4])
	client, err := v2.AsyncDialWith(dialer(args[5:]), args[0], inFlight, v2.CompressionLevel(level), v2.Timeout(60*time.Second))
	check(err)
	var group sync.WaitGroup
	for at := 0; at < events; at += window {
		var batch []interface{}
		for i := at; i < at+window && i < events; i++ {
			batch = append(batch, map[string]interface{}{
				"@timestamp": "2026-01-02T03:04:05.678Z",
				"@metadata":  map[string]interface{}{"beat": "filebeat", "version": "8.1.0", "type": "_doc"},
				"message":    fmt.Sprintf("event %d of a Beat", i),
				"log":        map[string]interface{}{"offset": i},
			})
		}
		group.Add(1)
		want := uint32(len(batch))
		check(client.Send(func(n uint32, err error) {
			check(err)
			if n != want {
				check(fmt.Errorf("%d of %d acknowledged", n, want))
			}
			fmt.Println("acked", n)
			group.Done()
		}, batch))
	}
	group.Wait()
	client.Close()
	fmt.Println("done")
}

func serve(args []string) {
	var options []server.Option
	if len(args) > 1 {
		pair, err := tls.LoadX509KeyPair(args[1], args[2])
		check(err)
		options = append(options, server.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))
	}
	s, err := server.ListenAndServe(args[0], options...)
	check(err)
	fmt.Println("listening")
	for batch := s.Receive(); batch != nil; batch = s.Receive() {
		for _, event := range batch.Events {
			text, err := json.Marshal(event)
			check(err)
			fmt.Println(string(text))
		}
		batch.ACK()
	}
}

func main() {
	if len(os.Args) > 6 && os.Args[1] == "send" {
		send(os.Args[2:])
	} else if len(os.Args) > 2 && os.Args[1] == "serve" {
		serve(os.Args[2:])
	} else {
		check(fmt.Errorf("lumber send | serve"))
	}
}
